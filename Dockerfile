# The server and the command line tool, in an image without a compiler, run by a user without rights.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# What was compiled stays in the cache, so the binary is copied out of it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    CARGO_INCREMENTAL=0 cargo build --release --locked --package spindle --bin spindle \
    && cp target/release/spindle /usr/local/bin/spindle

FROM debian:bookworm-slim
# To verify the certificates of payment providers and identity issuers.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /usr/local/bin/spindle /usr/local/bin/spindle
# By number: a cluster that refuses root can then see that this is not root.
RUN install --directory --owner=10001 --group=10001 /var/lib/spindle
USER 10001:10001
WORKDIR /var/lib/spindle
EXPOSE 7070
STOPSIGNAL SIGTERM
ENTRYPOINT ["spindle"]
CMD ["serve"]
