'use strict';

const coupons = {
  WELCOME: { kind: 'percent', value: 10 },
  SHIPFREE: { kind: 'shipping' },
  MINUS5: { kind: 'amount', value: 500, minimum: 3000 },
};

function subtotal(items) {
  return items.reduce((sum, item) => sum + item.priceCents * item.count, 0);
}

function shippingFor(cents, weightGrams) {
  if (cents >= 5000) return 0;
  return weightGrams > 2000 ? 990 : 490;
}

function checkout(items, code) {
  const goods = subtotal(items);
  const weight = items.reduce((sum, item) => sum + item.grams * item.count, 0);
  let shipping = shippingFor(goods, weight);
  let discount = 0;

  const coupon = code ? coupons[code.trim().toUpperCase()] : undefined;
  if (code && !coupon) throw new Error(`unknown code ${code}`);
  if (coupon && goods >= (coupon.minimum || 0)) {
    if (coupon.kind === 'percent') discount = Math.round((goods * coupon.value) / 100);
    if (coupon.kind === 'amount') discount = Math.min(goods, coupon.value);
    if (coupon.kind === 'shipping') shipping = 0;
  }
  return { goods, discount, shipping, total: goods - discount + shipping };
}

module.exports = { subtotal, shippingFor, checkout };
