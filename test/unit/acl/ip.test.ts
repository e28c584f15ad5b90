import { describe, expect, test } from 'vitest';
import { ipIdentity, ipMatches, isIpRange } from '../../../core/acl/ip.ts';

describe('an address in an ACL', () => {
  test.each([
    '127.0.0.1',
    '10.0.0.0/8',
    '0.0.0.0/0',
    '1.2.3.4/32',
    '010.0.0.1',
    '::1',
    '::',
    '1::',
    'fe80::/10',
    '2001:db8::/32',
    '0:0:0:0:0:0:0:1',
    '::1/128',
    'ABCD::ef01',
  ])('%s is a range', (text) => {
    expect(isIpRange(text)).toBe(true);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.-1',
    '1.2.3.+4',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/x',
    '1.2.3.4/8/8',
    'localhost',
    '12',
    ':',
    ':::',
    '1::2::3',
    '::ffff:1.2.3.4',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '12345::',
    'g::',
    '::1/129',
    'fe80::1%eth0',
    `${'9'.repeat(40)}.0.0.1`,
  ])('%j is none', (text) => {
    expect(isIpRange(text)).toBe(false);
    expect(ipMatches('0.0.0.0', text)).toBe(false);
  });
});

describe('an identity is in a range', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.2', '127.0.0.1', false],
    ['127.9.9.9', '127.0.0.0/8', true],
    ['128.0.0.1', '127.0.0.0/8', false],
    ['10.1.130.7', '10.1.128.0/17', true],
    ['10.1.127.7', '10.1.128.0/17', false],
    ['10.1.127.7', '10.1.1.1/16', true],
    ['10.0.0.1', '010.0.0.1', true],
    ['200.1.1.1', '0.0.0.0/0', true],
    ['0:0:0:0:0:0:0:1', '::1', true],
    ['2001:db8:0:0:0:0:0:5', '2001:db8::/32', true],
    ['2001:db9:0:0:0:0:0:5', '2001:db8::/32', false],
    ['0:0:0:0:0:0:0:1', '0.0.0.0/0', false],
    ['127.0.0.1', '::/0', false],
    ['fe80:0:0:0:0:0:0:1%eth0', 'fe80::/10', false],
    ['', '0.0.0.0/0', false],
  ])('%j in %j: %j', (id, aclId, expected) => {
    expect(ipMatches(id, aclId)).toBe(expected);
  });
});

describe('the identity of a socket address is what Java prints', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['::FFFF:0A00:0007', '10.0.0.7'],
    ['2001:0db8::00ff', '2001:db8:0:0:0:0:0:ff'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1%eth0'],
    ['64:ff9b::1.2.3.4', '64:ff9b:0:0:0:0:102:304'],
    ['nonsense', 'nonsense'],
  ])('%s: %s', (address, id) => {
    expect(ipIdentity(address)).toBe(id);
  });
});
