/**
 * Executes the core's connection effects on real sockets and tells it what happens to them. Bytes go through untouched;
 * framing, handshakes of the protocols and every decision are the core's.
 *
 * A connection is known to the core only after its TLS handshake, so nothing of a stranger gets further than OpenSSL.
 * What may be open before that is bounded in number and time.
 */

import * as net from 'node:net';
import * as tls from 'node:tls';
import type { Address, Channel, Input, Remote } from '../core/io.ts';
import { asConn, type ConnId } from '../core/types.ts';
import { acceptOptions, type ChannelTls, dialOptions, type TlsChannels, verifyAccepted } from './tls.ts';

/** Unsent bytes of one connection at which the core is told to hold back, and at which it may go on. */
export const SEND_HIGH_WATER_BYTES = 1024 * 1024;
export const SEND_LOW_WATER_BYTES = 256 * 1024;
/** Connections of one listener whose TLS handshake is not finished; further ones are refused. */
export const HANDSHAKES_MAX = 256;
/** How long a closed connection may take to get rid of what was sent before. */
export const FLUSH_DEADLINE_MS = 5000;
/** A port may still be held by the process that was just replaced (QuorumCnxManager: electionPortBindRetry). */
const BIND_ATTEMPTS_MAX = 3;
const BIND_RETRY_MS = 1000;

export interface SocketsOptions {
  readonly tls: TlsChannels;
  readonly tcpKeepAlive: boolean;
  /** Length of the client ports' accept queue; -1 for the system's. */
  readonly clientBacklog: number;
  readonly input: (input: Input) => void;
  /** A listener could not be opened; the server cannot do its work. */
  readonly bindFailed: (message: string) => void;
  /** Something a person may want to know: refused handshakes and the like. */
  readonly trouble: (message: string) => void;
}

interface Connection {
  readonly socket: net.Socket;
  blocked: boolean;
}

export class Sockets {
  private readonly options: SocketsOptions;
  private readonly connections = new Map<ConnId, Connection>();
  private readonly dialling = new Map<ConnId, net.Socket>();
  private readonly listeners = new Map<Channel, Set<net.Server>>();
  private readonly secured = new Map<Channel, Set<tls.Server>>();
  private tls: TlsChannels;
  private nextAccepted = 1;
  /** A reconfiguration has had clients come elsewhere. */
  private clientMoved = false;
  private closed = false;

  constructor(options: SocketsOptions) {
    this.options = options;
    this.tls = options.tls;
  }

  /**
   * Connections from now on, accepted or dialled, use these keys and this trust. Open ones stay; a session of theirs cannot be
   * resumed, since its ticket was made with keys of the old context, so whoever is no longer trusted does not come in that way.
   */
  renewTls(channel: keyof TlsChannels, material: ChannelTls): void {
    this.tls = { ...this.tls, [channel]: material };
    for (const [listening, servers] of this.secured) {
      if ((listening === 'client') !== (channel === 'client')) continue;
      for (const server of servers) server.setSecureContext(material.keys);
    }
  }

  // --- listening -----------------------------------------------------------------------------------------------------

  /** The listener is answered for those who want to know when it listens. */
  listen(channel: Channel, address: Address, secure: boolean): net.Server {
    const server = secure ? this.secureListener(channel) : net.createServer((socket) => this.accept(channel, socket));
    const group = this.listeners.get(channel) ?? new Set();
    this.listeners.set(channel, group.add(server));
    const backlog = channel === 'client' ? this.options.clientBacklog : -1;
    let attempts = 1;
    server.on('error', (cause) => {
      if (!group.has(server)) return;
      if (attempts < BIND_ATTEMPTS_MAX && 'code' in cause && cause.code === 'EADDRINUSE') {
        attempts += 1;
        setTimeout(() => group.has(server) && bind(server, address, backlog), BIND_RETRY_MS);
      } else {
        const message = `cannot listen on ${address.host}:${address.port} (${channel}): ${cause.message}`;
        // Somebody else's mistake in a reconfiguration ends no server that votes (NIOServerCnxnFactory.reconfigure).
        if (channel === 'client' && this.clientMoved) this.options.trouble(message);
        else this.options.bindFailed(message);
      }
    });
    bind(server, address, backlog);
    return server;
  }

  unlisten(channel: Channel): void {
    const group = this.listeners.get(channel) ?? new Set();
    if (channel === 'client') this.clientMoved = true;
    this.listeners.delete(channel);
    this.secured.delete(channel);
    for (const server of [...group]) {
      group.delete(server);
      server.close();
    }
  }

  /**
   * The TCP listener in front counts the handshakes that are not finished; the TLS server behind it never listens itself
   * but is handed the sockets.
   */
  private secureListener(channel: Channel): net.Server {
    const material = this.materialFor(channel);
    const handshakes = new Map<string, NodeJS.Timeout>();
    const over = (socket: net.Socket): void => {
      clearTimeout(handshakes.get(endOf(socket)));
      handshakes.delete(endOf(socket));
    };
    const secured = tls.createServer(acceptOptions(material));
    this.secured.set(channel, (this.secured.get(channel) ?? new Set()).add(secured));
    secured.on('secureConnection', (socket) => {
      over(socket);
      const refusal = verifyAccepted(material, socket);
      if (refusal === null) {
        this.accept(channel, socket);
      } else {
        this.options.trouble(`${channel} connection from ${endOf(socket)} refused: ${refusal}`);
        socket.destroy();
      }
    });
    secured.on('tlsClientError', (cause, socket) => {
      this.options.trouble(`${channel} TLS handshake with ${endOf(socket)} failed: ${cause.message}`);
      over(socket);
      socket.destroy();
    });
    return net.createServer((socket) => {
      if (handshakes.size >= HANDSHAKES_MAX) {
        socket.destroy();
        return;
      }
      const end = endOf(socket);
      const forget = (): void => {
        clearTimeout(handshakes.get(end));
        handshakes.delete(end);
      };
      handshakes.set(end, setTimeout(forget, material.handshakeMs + 1000));
      socket.once('close', forget);
      secured.emit('connection', socket);
    });
  }

  private materialFor(channel: Channel): ChannelTls {
    const material = channel === 'client' ? this.tls.client : this.tls.quorum;
    if (material === null) throw new Error(`no TLS keys for the ${channel} port`);
    return material;
  }

  private accept(channel: Channel, socket: net.Socket): void {
    if (this.closed || socket.destroyed) return;
    this.adopt(asConn(this.nextAccepted++), channel, socket);
  }

  // --- dialling ------------------------------------------------------------------------------------------------------

  connect(conn: ConnId, channel: Channel, address: Address, secure: boolean): void {
    let socket: net.Socket;
    try {
      socket = secure ? this.secureDial(channel, address) : net.connect({ host: address.host, port: address.port });
    } catch (cause) {
      // A port that is none, as a peer may have announced it. Told later, like every other failure.
      setImmediate(() => this.options.input({ type: 'connFailed', conn, reason: messageOf(cause) }));
      return;
    }
    this.dialling.set(conn, socket);
    const fail = (reason: string): void => {
      if (!this.dialling.delete(conn)) return;
      socket.destroy();
      this.options.input({ type: 'connFailed', conn, reason });
    };
    socket.on('error', (cause) => fail(cause.message));
    socket.on('close', () => fail('closed'));
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      socket.setTimeout(0);
      if (this.dialling.delete(conn)) this.adopt(conn, channel, socket);
    });
    if (secure) socket.setTimeout(this.materialFor(channel).handshakeMs, () => fail('no TLS handshake in time'));
  }

  private secureDial(channel: Channel, address: Address): tls.TLSSocket {
    return tls.connect(dialOptions(this.materialFor(channel), address));
  }

  // --- talking -------------------------------------------------------------------------------------------------------

  private adopt(conn: ConnId, channel: Channel, socket: net.Socket): void {
    const connection: Connection = { socket, blocked: false };
    this.connections.set(conn, connection);
    socket.setNoDelay(true);
    socket.setKeepAlive(this.options.tcpKeepAlive);
    this.options.input({ type: 'connOpened', conn, channel, remote: remoteOf(socket) });
    const gone = (reason: string): void => {
      if (!this.connections.delete(conn)) return;
      this.options.input({ type: 'connClosed', conn, reason });
      finish(socket);
    };
    socket.on('data', (bytes: Buffer) => {
      if (this.connections.has(conn)) this.options.input({ type: 'connBytes', conn, bytes: plainBytes(bytes) });
    });
    socket.on('end', () => gone('closed by the other end'));
    socket.on('error', (cause) => gone(cause.message));
    socket.on('close', () => gone('closed'));
  }

  send(conn: ConnId, bytes: Uint8Array): void {
    const connection = this.connections.get(conn);
    if (connection === undefined) return;
    connection.socket.write(bytes, () => this.drained(conn));
    if (!connection.blocked && connection.socket.writableLength > SEND_HIGH_WATER_BYTES) {
      connection.blocked = true;
      // The step that sent these bytes is still being executed; its connection's pressure is the next one's business.
      setImmediate(() => {
        if (this.connections.get(conn)?.blocked === true) this.options.input({ type: 'connBlocked', conn });
      });
    }
  }

  private drained(conn: ConnId): void {
    const connection = this.connections.get(conn);
    if (connection === undefined || !connection.blocked) return;
    if (connection.socket.writableLength > SEND_LOW_WATER_BYTES) return;
    connection.blocked = false;
    this.options.input({ type: 'connDrained', conn });
  }

  close(conn: ConnId): void {
    const dialling = this.dialling.get(conn);
    if (dialling !== undefined) {
      this.dialling.delete(conn);
      dialling.destroy();
      return;
    }
    const connection = this.connections.get(conn);
    if (connection === undefined) return;
    this.connections.delete(conn);
    finish(connection.socket);
  }

  reading(conn: ConnId, on: boolean): void {
    const socket = this.connections.get(conn)?.socket;
    if (on) socket?.resume();
    else socket?.pause();
  }

  /** Closes everything; nothing is told any more. */
  closeAll(): void {
    this.closed = true;
    for (const channel of [...this.listeners.keys()]) this.unlisten(channel);
    for (const conn of [...this.dialling.keys(), ...this.connections.keys()]) this.close(conn);
  }
}

function bind(server: net.Server, { host, port }: Address, backlog: number): void {
  server.listen({ port, ...(isAnyHost(host) ? {} : { host }), ...(backlog > 0 ? { backlog } : {}) });
}

/** Java's wildcard: without a host Node listens on `::`, which takes IPv4 too. */
function isAnyHost(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '*' || host === '::' || host === '0:0:0:0:0:0:0:0';
}

/** Flushes what was sent before and closes, however little the other end cooperates. */
function finish(socket: net.Socket): void {
  socket.on('error', () => {});
  socket.resume();
  socket.end();
  const timer = setTimeout(() => socket.destroy(), FLUSH_DEADLINE_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** Which other end a socket has; survives the socket's closing badly, so it is asked early. */
function endOf(socket: net.Socket): string {
  return `${plainIp(socket.remoteAddress ?? 'a stranger')}:${socket.remotePort ?? 0}`;
}

function remoteOf(socket: net.Socket): Remote {
  const secure = socket instanceof tls.TLSSocket;
  const certificate = secure && socket.authorized ? socket.getPeerCertificate().raw : undefined;
  return {
    ip: plainIp(socket.remoteAddress ?? ''),
    port: socket.remotePort ?? 0,
    tls: secure,
    certificate: certificate === undefined ? null : plainBytes(certificate),
  };
}

/** An IPv4 address that reached an IPv6 socket is still an IPv4 address to the `ip` scheme. */
function plainIp(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}

/** The core knows no Buffer. Received chunks are never written to again, so no copy is needed. */
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
