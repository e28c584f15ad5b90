/**
 * The rules of node paths (common/PathUtils) and the small arithmetic on them.
 *
 * A path is a string of UTF-16 units, as in Java, so a character outside the basic plane is two units of the forbidden
 * range U+D800 to U+F8FF and is refused. The root is `/`; ZooKeeper also knows it by the empty string, which a client may
 * read but never write.
 */

/** Why a path is refused. */
export type PathProblem =
  | 'empty'
  | 'not-absolute'
  | 'trailing-slash'
  | 'null-character'
  | 'empty-name'
  | 'relative-name'
  | 'invalid-character';

export function validatePath(path: string): boolean {
  return pathProblem(path) === null;
}

const SLASH = 0x2f;
const DOT = 0x2e;

/** The first thing wrong with `path`, looking from the left as PathUtils.validatePath does; null when it is valid. */
export function pathProblem(path: string): PathProblem | null {
  const length = path.length;
  if (length === 0) return 'empty';
  if (path.charCodeAt(0) !== SLASH) return 'not-absolute';
  if (length === 1) return null;
  if (path.charCodeAt(length - 1) === SLASH) return 'trailing-slash';
  for (let i = 1; i < length; i++) {
    const unit = path.charCodeAt(i);
    if (unit === 0) return 'null-character';
    if (unit === SLASH) {
      if (path.charCodeAt(i - 1) === SLASH) return 'empty-name';
    } else if (unit === DOT) {
      if (isDotName(path, i)) return 'relative-name';
    } else if (isForbidden(unit)) {
      return 'invalid-character';
    }
  }
  return null;
}

/** The dot at `i` ends a name that is `.` or `..`. */
function isDotName(path: string, i: number): boolean {
  if (i + 1 < path.length && path.charCodeAt(i + 1) !== SLASH) return false;
  const start = path.charCodeAt(i - 1) === DOT ? i - 1 : i;
  return path.charCodeAt(start - 1) === SLASH;
}

function isForbidden(unit: number): boolean {
  if (unit < 0x7f) return unit <= 0x1f;
  if (unit <= 0x9f) return true;
  return (unit >= 0xd800 && unit <= 0xf8ff) || unit >= 0xfff0;
}

/** The path one level up: `/a` of `/a/b`, `/` of `/a`. The root is its own parent. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash <= 0 ? '/' : path.slice(0, slash);
}

/** The last name: `b` of `/a/b`, empty for the root. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function childOf(parent: string, name: string): string {
  return parent === '/' || parent === '' ? `/${name}` : `${parent}/${name}`;
}

export const ZOOKEEPER_PATH = '/zookeeper';
export const QUOTA_PATH = '/zookeeper/quota';
export const CONFIG_PATH = '/zookeeper/config';

/** Nodes that every tree has and no client can delete (DataTree.isSpecialPath). */
export function isFixedPath(path: string): boolean {
  return path === '/' || path === ZOOKEEPER_PATH || path === QUOTA_PATH || path === CONFIG_PATH;
}

const SUFFIX_WIDTH = 10;

/**
 * What a sequential create puts behind the name: Java's `%010d` of the parent's cversion. The counter is a signed int, so
 * after 2147483647 comes the eleven characters of -2147483648.
 */
export function sequenceSuffix(counter: number): string {
  const value = counter | 0;
  return value < 0 ? `-${String(-value).padStart(SUFFIX_WIDTH - 1, '0')}` : String(value).padStart(SUFFIX_WIDTH, '0');
}
