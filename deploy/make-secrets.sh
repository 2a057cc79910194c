#!/bin/sh
# Makes ./secrets for compose.yaml: the root key, passwords, and a certificate for PostgreSQL from an
# authority of its own whose key is thrown away. Each file belongs to the one user that reads it, so it
# is run as root. What is there already stays as it is.
set -eu
umask 077

folder=${1:-./secrets}
locket=65532
postgres=999
valkey=999

if [ -e "$folder" ]; then
  echo "$folder is there already; nothing was changed" >&2
  exit 1
fi

draft=$folder.unfinished
rm -rf "$draft"
mkdir -p "$draft/locket" "$draft/postgres" "$draft/valkey"

openssl rand -base64 32 >"$draft/locket/root-key"
for name in database-password database-owner-password; do
  openssl rand -hex 32 >"$draft/locket/$name"
  cp "$draft/locket/$name" "$draft/postgres/$name"
done
openssl rand -hex 32 >"$draft/postgres/postgres-password"

# Two years: PostgreSQL does not renew it, and nobody outside the internal network sees it.
curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
openssl req -x509 $curve -days 730 -subj '/CN=Locket database authority' \
  -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign' \
  -keyout "$draft/authority.key" -out "$draft/database-ca.crt" 2>/dev/null
openssl req -new $curve -subj '/CN=postgres' \
  -keyout "$draft/postgres/server.key" -out "$draft/server.csr" 2>/dev/null
printf 'subjectAltName=DNS:postgres\nextendedKeyUsage=serverAuth\n' >"$draft/server.ext"
openssl x509 -req -in "$draft/server.csr" -days 730 -extfile "$draft/server.ext" \
  -CA "$draft/database-ca.crt" -CAkey "$draft/authority.key" -CAcreateserial \
  -out "$draft/postgres/server.crt" 2>/dev/null
rm "$draft/authority.key" "$draft/server.csr" "$draft/server.ext"
rm -f "$draft"/*.srl

{
  echo 'save ""'
  echo 'maxmemory 64mb'
  echo 'maxmemory-policy noeviction'
  printf 'requirepass %s\n' "$(openssl rand -hex 32)"
} >"$draft/valkey/valkey.conf"

find "$draft" -type f -exec chmod 0400 {} +
chmod 0444 "$draft/database-ca.crt"
chmod 0711 "$draft"
chown -R "$locket:$locket" "$draft/locket"
chown -R "$postgres:$postgres" "$draft/postgres"
chown -R "$valkey" "$draft/valkey"
mv "$draft" "$folder"
echo "made $folder; keep a copy of $folder/locket/root-key offline: without it nothing can be read"
