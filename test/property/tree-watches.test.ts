/**
 * The one table of watches against upstream's two (server/watch/WatchManager), written down naively, with the stricter rule
 * added: what a connection may not read is neither told nor uses up a watch.
 */

import { fc, test } from '@fast-check/vitest';
import { expect } from 'vitest';
import type { TreeEventType } from '../../core/tree/data-tree.ts';
import { type WatchKind, WatchTable } from '../../core/tree/watches.ts';
import { asConn, asZxid, type ConnId, OPEN_ACL } from '../../core/types.ts';
import { EventType, WatcherType } from '../../core/wire/opcodes.ts';

type Mode = 'standard' | 'persistent' | 'recursive';

/** One of upstream's tables: every single watch, in a list. */
class ModelTable {
  watches: { readonly conn: ConnId; readonly path: string; readonly mode: Mode }[] = [];

  add(conn: ConnId, path: string, mode: Mode): void {
    if (!this.has(conn, path, [mode])) this.watches.push({ conn, path, mode });
  }

  has(conn: ConnId, path: string, modes: readonly Mode[]): boolean {
    return this.watches.some((watch) => watch.conn === conn && watch.path === path && modes.includes(watch.mode));
  }

  remove(conn: ConnId, path: string, modes: readonly Mode[]): boolean {
    const before = this.watches.length;
    this.watches = this.watches.filter(
      (watch) => !(watch.conn === conn && watch.path === path && modes.includes(watch.mode)),
    );
    return this.watches.length < before;
  }

  trigger(path: string, mayRead: (conn: ConnId) => boolean): Set<ConnId> {
    const hears = (watch: { path: string; mode: Mode }): boolean =>
      watch.path === path || (watch.mode === 'recursive' && (watch.path === '/' || path.startsWith(`${watch.path}/`)));
    const heard = this.watches.filter((watch) => hears(watch) && mayRead(watch.conn));
    this.watches = this.watches.filter((watch) => !(heard.includes(watch) && watch.mode === 'standard'));
    return new Set(heard.map((watch) => watch.conn));
  }

  get pairs(): number {
    return new Set(this.watches.map((watch) => `${watch.conn} ${watch.path}`)).size;
  }
}

const ALL_MODES: readonly Mode[] = ['standard', 'persistent', 'recursive'];

class Model {
  readonly data = new ModelTable();
  readonly child = new ModelTable();

  add(conn: ConnId, path: string, kind: WatchKind): void {
    if (kind === 'data' || kind === 'exist') this.data.add(conn, path, 'standard');
    if (kind === 'child') this.child.add(conn, path, 'standard');
    if (kind === 'persistent') for (const table of [this.data, this.child]) table.add(conn, path, 'persistent');
    if (kind === 'persistentRecursive') this.data.add(conn, path, 'recursive');
  }

  private parts(type: number): readonly (readonly [ModelTable, readonly Mode[]])[] {
    if (type === WatcherType.children) return [[this.child, ['standard']]];
    if (type === WatcherType.data) return [[this.data, ['standard']]];
    if (type === WatcherType.persistentRecursive) return [[this.data, ['recursive']]];
    const modes: readonly Mode[] = type === WatcherType.persistent ? ['persistent'] : ALL_MODES;
    return [
      [this.data, modes],
      [this.child, modes],
    ];
  }

  check(conn: ConnId, path: string, type: number): boolean {
    return this.parts(type).some(([table, modes]) => table.has(conn, path, modes));
  }

  remove(conn: ConnId, path: string, type: number): boolean {
    return this.parts(type).filter(([table, modes]) => table.remove(conn, path, modes)).length > 0;
  }

  trigger(type: TreeEventType, path: string, mayRead: (conn: ConnId) => boolean): Set<ConnId> {
    if (type === EventType.nodeChildrenChanged) return this.child.trigger(path, mayRead);
    const told = this.data.trigger(path, mayRead);
    if (type !== EventType.nodeDeleted) return told;
    return new Set([...told, ...this.child.trigger(path, mayRead)]);
  }

  removeConn(conn: ConnId): void {
    for (const table of [this.data, this.child]) table.watches = table.watches.filter((watch) => watch.conn !== conn);
  }
}

const conns = fc.constantFrom(asConn(1), asConn(2), asConn(3));
const paths = fc.constantFrom('/', '/a', '/a/b', '/ab', '/a/b/c');
const watcherTypes = fc.integer({ min: 1, max: 5 });
const commands = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      conn: conns,
      path: paths,
      watch: fc.constantFrom<WatchKind>('data', 'exist', 'child', 'persistent', 'persistentRecursive'),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('trigger' as const),
      path: paths,
      type: fc.constantFrom<TreeEventType>(1, 2, 3, 4),
      readers: fc.uniqueArray(conns),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('remove' as const), conn: conns, path: paths, type: watcherTypes }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('removeConn' as const), conn: conns }) },
);

test.prop([fc.array(commands, { maxLength: 40 })], { numRuns: 1000 })('watches do what the two tables do', (run) => {
  const watches = new WatchTable();
  const model = new Model();
  for (const command of run) {
    if (command.kind === 'add') {
      expect(watches.add(command.conn, command.path, command.watch)).toBe(true);
      model.add(command.conn, command.path, command.watch);
    } else if (command.kind === 'trigger') {
      const { type, path } = command;
      const mayRead = (conn: ConnId): boolean => command.readers.includes(conn);
      const notices = watches.trigger({ type, path, zxid: asZxid(1), acl: OPEN_ACL }, mayRead);
      expect(notices.every((notice) => notice.type === type && notice.path === path)).toBe(true);
      const told = notices.map((notice) => notice.conn).sort();
      expect(told).toEqual([...model.trigger(type, path, mayRead)].sort());
    } else if (command.kind === 'remove') {
      expect(watches.check(command.conn, command.path, command.type)).toBe(
        model.check(command.conn, command.path, command.type),
      );
      expect(watches.remove(command.conn, command.path, command.type)).toBe(
        model.remove(command.conn, command.path, command.type),
      );
    } else {
      watches.removeConn(command.conn);
      model.removeConn(command.conn);
    }
    expect(watches.count).toBe(model.data.pairs + model.child.pairs);
  }
  // A table filled from the model in another order is the same table.
  const again = new WatchTable();
  const kinds = { standard: 'data', persistent: 'persistent', recursive: 'persistentRecursive' } as const;
  for (const { conn, path, mode } of [...model.data.watches].reverse()) again.add(conn, path, kinds[mode]);
  for (const { conn, path, mode } of model.child.watches)
    again.add(conn, path, mode === 'standard' ? 'child' : 'persistent');
  expect(watches.digest()).toBe(again.digest());
});
