'use strict';

const LOCAL = /^[a-z0-9!#$%&'*+/=?^_{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_{|}~-]+)*$/i;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

function looksLikeEmail(text) {
  const at = text.lastIndexOf('@');
  if (at < 1 || text.length > 254) return false;
  const local = text.slice(0, at);
  const labels = text.slice(at + 1).split('.');
  if (local.length > 64 || !LOCAL.test(local)) return false;
  return labels.length > 1 && labels.every((label) => LABEL.test(label));
}

function passwordProblems(secret, email) {
  const problems = [];
  if (secret.length < 12) problems.push('Use at least 12 characters.');
  if (/^(.)\1+$/.test(secret)) problems.push('One repeated character is too easy.');
  if (email && secret.toLowerCase().includes(email.split('@')[0].toLowerCase())) {
    problems.push('Leave your address out of it.');
  }
  return problems;
}

function validate({ email = '', password = '', accepted = false }) {
  const errors = {};
  if (!looksLikeEmail(email.trim())) errors.email = ['Please check the address.'];
  const problems = passwordProblems(password, email);
  if (problems.length) errors.password = problems;
  if (!accepted) errors.accepted = ['The terms must be accepted.'];
  return { ok: Object.keys(errors).length === 0, errors };
}

module.exports = { validate, looksLikeEmail, passwordProblems };
