'use strict';

const STYLES = {
  EUR: { sign: '€', digits: 2, after: true, group: '.', point: ',' },
  USD: { sign: '$', digits: 2, after: false, group: ',', point: '.' },
  GBP: { sign: '£', digits: 2, after: false, group: ',', point: '.' },
  JPY: { sign: '¥', digits: 0, after: false, group: ',', point: '' },
};

function show(minorUnits, code) {
  const style = STYLES[code];
  if (!style) throw new RangeError(`no style for ${code}`);
  const negative = minorUnits < 0;
  const text = String(Math.abs(minorUnits)).padStart(style.digits + 1, '0');
  const cut = text.length - style.digits;
  const whole = text.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, style.group);
  const number = style.digits ? whole + style.point + text.slice(cut) : whole;
  const signed = style.after ? `${number} ${style.sign}` : style.sign + number;
  return negative ? `-${signed}` : signed;
}

function read(text, code) {
  const style = STYLES[code];
  const plain = text.replace(style.sign, '').split(style.group).join('').trim();
  const value = Number(style.point ? plain.replace(style.point, '.') : plain);
  if (!Number.isFinite(value)) throw new TypeError(`not an amount: ${text}`);
  return Math.round(value * 10 ** style.digits);
}

module.exports = { show, read };
