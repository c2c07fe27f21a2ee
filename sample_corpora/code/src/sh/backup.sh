#!/usr/bin/env bash
# Nightly copy of the database and the uploads, encrypted, kept for a while.
set -euo pipefail

: "${DATABASE_URL:?}"
: "${UPLOADS:=/srv/app/uploads}"
: "${TARGET:=/mnt/backup}"
: "${KEEP_DAYS:=14}"
: "${KEY_FILE:=/etc/app/backup.key}"

stamp=$(date -u +%Y%m%dT%H%M%SZ)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pg_dump --format=custom --file="$work/db.dump" "$DATABASE_URL"
tar -C "$(dirname "$UPLOADS")" -czf "$work/uploads.tgz" "$(basename "$UPLOADS")"
(cd "$work" && sha256sum db.dump uploads.tgz > SHA256SUMS)

out="$TARGET/app-$stamp.tar.enc"
tar -C "$work" -cf - db.dump uploads.tgz SHA256SUMS |
  openssl enc -aes-256-cbc -pbkdf2 -salt -pass "file:$KEY_FILE" -out "$out.part"
mv "$out.part" "$out"

find "$TARGET" -name 'app-*.tar.enc' -mtime "+$KEEP_DAYS" -delete
echo "wrote $out ($(du -h "$out" | cut -f1))"
