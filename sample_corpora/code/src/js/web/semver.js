'use strict';

const PATTERN = /^v?(\d+)\.(\d+)\.(\d+)(?:-([0-9a-z.-]+))?(?:\+[0-9a-z.-]+)?$/i;

function parse(text) {
  const found = PATTERN.exec(text.trim());
  if (!found) return null;
  return {
    numbers: found.slice(1, 4).map(Number),
    pre: found[4] ? found[4].split('.') : [],
  };
}

function comparePart(a, b) {
  const aNumeric = /^\d+$/.test(a);
  const bNumeric = /^\d+$/.test(b);
  if (aNumeric && bNumeric) return Math.sign(Number(a) - Number(b));
  if (aNumeric !== bNumeric) return aNumeric ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function compare(left, right) {
  const a = parse(left);
  const b = parse(right);
  if (!a || !b) throw new TypeError('not a version');
  for (let i = 0; i < 3; i++) {
    if (a.numbers[i] !== b.numbers[i]) return Math.sign(a.numbers[i] - b.numbers[i]);
  }
  if (!a.pre.length || !b.pre.length) return Math.sign(b.pre.length - a.pre.length);
  for (let i = 0; i < Math.min(a.pre.length, b.pre.length); i++) {
    const order = comparePart(a.pre[i], b.pre[i]);
    if (order) return order;
  }
  return Math.sign(a.pre.length - b.pre.length);
}

const newest = (versions) => [...versions].sort(compare).pop();

module.exports = { parse, compare, newest };
