# Locket as an image without a shell: the first stage has npm, the second only Node, the packages that
# run in production and the sources. The base images are named by tag; whoever builds for production
# puts their digests behind the tags (docs/guides/deployment.md).

FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Optional packages are Node from npm, which the image has already.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund
COPY LICENSE ./
COPY src ./src
# The files come with the modes that they have where this is built, which its umask decided.
RUN chmod -R u=rwX,go=rX /app && mkdir -p -m 0700 /volumes/data /volumes/tombstones

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /app/LICENSE /app/package.json /app/
COPY --from=build /app/node_modules /app/node_modules
COPY --from=build /app/src /app/src
# A new volume takes over owner and mode of what it is mounted on. The two are copied as the contents
# of a folder, because a folder that COPY itself makes is open to all (0755).
COPY --from=build --chown=65532:65532 /volumes/ /

ENV NODE_ENV=production \
    LOCKET_MODE=production \
    LOCKET_HOST=0.0.0.0 \
    LOCKET_DATA_DIR=/data \
    LOCKET_ROOT_KEY_FILE=/run/secrets/root-key \
    LOCKET_TOMBSTONES_FILE=/tombstones/tombstones

WORKDIR /app
USER 65532:65532
VOLUME ["/data", "/tombstones"]
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["/usr/local/bin/node", "--disable-warning=ExperimentalWarning", "/app/src/main.ts", "health"]
ENTRYPOINT ["/usr/local/bin/node", "--disable-warning=ExperimentalWarning", "/app/src/main.ts"]
CMD ["serve"]
