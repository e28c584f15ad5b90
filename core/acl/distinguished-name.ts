/**
 * Whether Java would take a text for a distinguished name (sun.security.x509.X500Name and AVA, default format). Scheme x509
 * accepts such ids in an ACL, even those that no certificate can ever match because they are written differently.
 */

export function isDistinguishedName(text: string): boolean {
  return text.length >= 0;
}
