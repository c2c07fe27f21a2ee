"""What of a page breaks at a hyphen, or is torn in a column too narrow for it, for a browser to compute."""

from __future__ import annotations

TORN = """
const found = [], blocks = new Map(), range = document.createRange();
for (const e of document.querySelectorAll('details')) e.open = true;
const box = ([, node, at]) => {
  range.setStart(node, at); range.setEnd(node, at + 1);
  return range.getBoundingClientRect();
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const node = walker.currentNode;
  if (node.parentElement.closest('script, style, svg, select')) continue;
  let block = node.parentElement;
  while (getComputedStyle(block).display.startsWith('inline')) block = block.parentElement;
  const letters = [...node.data].length === node.length ? [...node.data] : [];
  blocks.set(block, [...(blocks.get(block) || []), ...letters.map((c, at) => [c, node, at])]);
}
for (const letters of blocks.values())
  letters.forEach((letter, i) => {
    const before = letters[i - 1];
    if (!before || before[0] !== '-' || /\\s/.test(letter[0])) return;
    const [a, b] = [box(before), box(letter)];
    if (a.width && b.width && Math.abs(a.top - b.top) > 9)
      found.push(letters.slice(Math.max(0, i - 20), i + 9).map(x => x[0]).join(''));
  });
for (const e of document.querySelectorAll('td .id')) {
  const cell = e.closest('td').getBoundingClientRect(), wide = e.closest('.wrap').clientWidth;
  if (Math.max(...[...e.children].map(c => c.getBoundingClientRect().right)) > cell.right + 1)
    found.push(`${e.textContent}: beyond its cell`);
  const high = Math.max(...[...e.children].map(c => c.offsetHeight));
  const lines = Math.round(high / parseFloat(getComputedStyle(e).lineHeight));
  if (lines > 1 && cell.width < Math.min(170, wide / 2)) found.push(`${e.textContent}: in ${cell.width}`);
  if (lines > 1 && e.textContent.length < 37 && wide > 700) found.push(`${e.textContent}: ${lines} lines`);
}
return found;
"""
"""Texts with a line that ends behind a hyphen; ids of a table that reach beyond their cell, have several
lines in a narrow one, or (such as a UUID) in any on a wide page.
"""
