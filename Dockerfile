# Two stages: build with the toolchain, ship only the program and its reference configuration.
# The base images are arguments, so that an institution can build from its own registry:
#   docker build --build-arg BUILD_IMAGE=registry.example/rust:1.95-bookworm --build-arg RUN_IMAGE=registry.example/debian:bookworm-slim -t renkei .
ARG BUILD_IMAGE=docker.io/library/rust:1.95-bookworm
ARG RUN_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo/config.toml ./.cargo/config.toml
COPY src ./src
COPY templates ./templates
COPY config ./config
# Members of the workspace, whose manifests cargo wants to see; nothing of them is built.
COPY tests/fuzz ./tests/fuzz
COPY benches ./benches
# Without the feature `demo`: no sample app, no sample bank.
RUN cargo build --release --locked --no-default-features --bin renkei && mkdir /out && cp "${CARGO_TARGET_DIR:-target}/release/renkei" /out/renkei \
 && cp /etc/ssl/certs/ca-certificates.crt /out/ca-certificates.crt && mkdir -p /out/data/renkei

FROM ${RUN_IMAGE}
COPY --from=build /out/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/renkei /usr/local/bin/renkei
COPY config/default.toml config/production.example.toml /etc/renkei/
# Nobody's account: no shell, no home, no rights.
# By its parent: not every builder gives the mode to a folder that is itself the target.
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /var/lib
USER 65532:65532
VOLUME /var/lib/renkei
EXPOSE 8443
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/local/bin/renkei"]
CMD ["serve", "--config", "/etc/renkei/renkei.toml"]
