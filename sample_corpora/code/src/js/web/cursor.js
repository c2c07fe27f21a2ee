'use strict';

function pack(row) {
  const body = JSON.stringify([row.createdAt, row.id]);
  return Buffer.from(body, 'utf8').toString('base64url');
}

function unpack(text) {
  try {
    const [createdAt, id] = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (typeof createdAt !== 'string' || typeof id !== 'number') throw new Error();
    return { createdAt, id };
  } catch {
    const error = new Error('bad cursor');
    error.status = 400;
    throw error;
  }
}

/**
 * One page of posts, newest first. The position is a (time, id) pair, not a
 * row count, so rows added meanwhile neither repeat nor vanish.
 */
async function listPosts(db, { after, limit = 20 }) {
  const size = Math.min(100, Math.max(1, limit));
  const params = [size + 1];
  let where = '';
  if (after) {
    const { createdAt, id } = unpack(after);
    where = 'WHERE (created_at, id) < ($2, $3)';
    params.push(createdAt, id);
  }
  const rows = await db.query(
    `SELECT id, title, created_at AS "createdAt" FROM posts ${where}
     ORDER BY created_at DESC, id DESC LIMIT $1`,
    params,
  );
  const items = rows.slice(0, size);
  const next = rows.length > size ? pack(items[items.length - 1]) : null;
  return { items, next };
}

module.exports = { listPosts, pack, unpack };
