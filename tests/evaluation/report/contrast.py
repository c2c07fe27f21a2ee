"""Contrast of texts on a page, for a browser to compute."""

from __future__ import annotations

CONTRAST = """
const numbers = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
const linear = v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
const light = c => {
  const [r, g, b] = numbers(c).map(linear);
  return .2126 * r + .7152 * g + .0722 * b;
};
const ground = e => {
  for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)') return c;
  }
  return 'rgb(255,255,255)';
};
const kinds = 'h1, p, td, th, small, .soft, .g, svg text';
return [...document.querySelectorAll(kinds)].slice(0, 400).map(e => {
  const s = getComputedStyle(e), ink = e.tagName === 'text' ? s.fill : s.color;
  const [a, b] = [light(ink), light(ground(e))].sort((x, y) => y - x);
  return (a + .05) / (b + .05);
});
"""
"""WCAG's contrast ratio of text against what it stands on, for some of each kind, as a script."""
