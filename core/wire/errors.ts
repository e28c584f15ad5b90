/** Why bytes of the wire or of a file were refused. All are the sender's fault; none is ever thrown. */
export type WireError =
  | 'truncated'
  | 'bad-length'
  | 'bad-utf8'
  | 'null-string'
  | 'number-out-of-range'
  | 'trailing-bytes'
  | 'unknown-type'
  | 'too-large'
  | 'bad-magic'
  | 'bad-checksum'
  /** Well-formed, but the receiver cannot make sense of it: a node without a parent, an ACL id that was never named. */
  | 'inconsistent';

/** The outcome of decoding untrusted bytes. */
export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: WireError };
