"""What of a page is out of sight without a sign of it, for a browser to compute."""

from __future__ import annotations

OUT_OF_SIGHT = """
const found = [];
for (const e of document.querySelectorAll('body *')) {
  const scrolls = ['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowX);
  if (scrolls && e.scrollWidth > e.clientWidth + 1 && !e.matches('.wrap, .hidden'))
    found.push(`${e.tagName} ${e.className}: ${e.scrollWidth} in ${e.clientWidth}`);
}
for (const card of document.querySelectorAll('.bars')) {
  const box = card.getBoundingClientRect();
  const seen = [...card.querySelectorAll('svg')].filter(e => e.getBoundingClientRect().width);
  if (seen.length !== 1) found.push(`${seen.length} drawings in a card`);
  for (const text of seen.flatMap(e => [...e.querySelectorAll('text')])) {
    const r = text.getBoundingClientRect();
    if (r.left < box.left || r.right > box.right || r.height < 9)
      found.push(`${text.textContent}: ${r.left} to ${r.right}, ${r.height} high`);
  }
}
for (const cell of document.querySelectorAll('[data-worse] td:nth-child(2)')) {
  const right = cell.getBoundingClientRect().right;
  if (right > innerWidth) found.push(`${cell.innerText}: to ${right}`);
}
return found;
"""
"""Boxes that scroll and are no `.wrap`, which shows it; texts of bars that are tiny or outside their card;
losses against the baseline beyond the window's edge.
"""
