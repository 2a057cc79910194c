/** The server says what it kept when the table of keys was written anew. Frozen once released. */
export const scrub = {
  name: '003-scrub',
  sqlite: [],
  postgres: [
    `CREATE OR REPLACE FUNCTION locket.scrub() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
      SET search_path = pg_catalog, pg_temp AS $$
      BEGIN
        CLUSTER VERBOSE locket.encryption_keys USING encryption_keys_pkey;
      END $$`,
  ],
} as const
