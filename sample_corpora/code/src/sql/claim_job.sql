-- Background tasks live in a table; several workers may take from it at once.

CREATE TABLE IF NOT EXISTS jobs (
    id          bigserial PRIMARY KEY,
    kind        text NOT NULL,
    payload     jsonb NOT NULL DEFAULT '{}',
    run_at      timestamptz NOT NULL DEFAULT now(),
    attempts    int NOT NULL DEFAULT 0,
    locked_by   text,
    locked_at   timestamptz,
    last_error  text
);

CREATE INDEX IF NOT EXISTS jobs_due ON jobs (run_at) WHERE locked_by IS NULL;

-- name: claim
UPDATE jobs
SET locked_by = :worker, locked_at = now(), attempts = attempts + 1
WHERE id = (
    SELECT id FROM jobs
    WHERE locked_by IS NULL AND run_at <= now() AND attempts < 8
    ORDER BY run_at
    FOR UPDATE SKIP LOCKED
    LIMIT 1
)
RETURNING id, kind, payload;

-- name: fail
UPDATE jobs
SET locked_by = NULL,
    last_error = :error,
    run_at = now() + interval '10 seconds' * power(2, attempts)
WHERE id = :id AND locked_by = :worker;

-- name: release_stale
UPDATE jobs SET locked_by = NULL
WHERE locked_at < now() - interval '15 minutes' AND locked_by IS NOT NULL;
