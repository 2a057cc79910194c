#!/bin/sh
# Makes ./secrets for compose.yaml: the root key, passwords, and a certificate for PostgreSQL from an
# authority of its own whose key is thrown away. Each file belongs to the one user that reads it, so it
# is run as root. What is there already stays as it is.
#
#   sh deploy/make-secrets.sh [FOLDER]
#   sh deploy/make-secrets.sh --renew [FOLDER]   another certificate and authority, and nothing else
set -eu
umask 077

renew=
if [ "${1:-}" = --renew ]; then
  renew=yes
  shift
fi
folder=${1:-./secrets}
locket=65532
postgres=999
valkey=999

# Two years: PostgreSQL does not renew it, and nobody outside the internal network sees it.
make_certificate() {
  curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
  openssl req -x509 $curve -days 730 -subj '/CN=Locket database authority' \
    -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' -addext 'keyUsage=critical,keyCertSign' \
    -keyout "$1/authority.key" -out "$1/database-ca.crt" 2>/dev/null
  openssl req -new $curve -subj '/CN=postgres' \
    -keyout "$1/postgres/server.key" -out "$1/server.csr" 2>/dev/null
  printf 'subjectAltName=DNS:postgres\nextendedKeyUsage=serverAuth\n' >"$1/server.ext"
  openssl x509 -req -in "$1/server.csr" -days 730 -extfile "$1/server.ext" \
    -CA "$1/database-ca.crt" -CAkey "$1/authority.key" -CAcreateserial \
    -out "$1/postgres/server.crt" 2>/dev/null
  rm "$1/authority.key" "$1/server.csr" "$1/server.ext"
  rm -f "$1"/*.srl
}

give_away() {
  find "$1" -type f -exec chmod 0400 {} +
  chmod 0444 "$1/database-ca.crt"
  chown -R "$postgres:$postgres" "$1/postgres"
}

draft=$folder.unfinished

if [ "$renew" ]; then
  if [ ! -e "$folder/postgres/server.key" ]; then
    echo "there is no certificate in $folder; nothing was changed" >&2
    exit 1
  fi
  rm -rf "$draft"
  mkdir -p "$draft/postgres"
  make_certificate "$draft"
  give_away "$draft"
  mv -f "$draft/postgres/server.key" "$draft/postgres/server.crt" "$folder/postgres/"
  mv -f "$draft/database-ca.crt" "$folder/"
  rm -rf "$draft"
  echo "made another certificate in $folder: docker compose up --detach --force-recreate"
  exit 0
fi

if [ -e "$folder" ]; then
  echo "$folder is there already; nothing was changed" >&2
  exit 1
fi

rm -rf "$draft"
mkdir -p "$draft/locket" "$draft/postgres" "$draft/valkey"

openssl rand -base64 32 >"$draft/locket/root-key"
for name in database-password database-owner-password; do
  openssl rand -hex 32 >"$draft/locket/$name"
  cp "$draft/locket/$name" "$draft/postgres/$name"
done
openssl rand -hex 32 >"$draft/postgres/postgres-password"

make_certificate "$draft"

{
  echo 'save ""'
  echo 'maxmemory 64mb'
  echo 'maxmemory-policy noeviction'
  printf 'requirepass %s\n' "$(openssl rand -hex 32)"
} >"$draft/valkey/valkey.conf"

give_away "$draft"
chmod 0711 "$draft"
chown -R "$locket:$locket" "$draft/locket"
chown -R "$valkey" "$draft/valkey"
mv "$draft" "$folder"
echo "made $folder; keep a copy of $folder/locket/root-key offline: without it nothing can be read"
