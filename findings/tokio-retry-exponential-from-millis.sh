#!/usr/bin/env bash
# tokio-retry 0.3.2 (Rust): `ExponentialBackoff::from_millis(100)` waits 100 ms, 10 s, 17 minutes and 28 hours.
#
# In libraries for retries, the number that a back-off is made from is its first delay, which then doubles. Here the number is the
# base of a power: the n-th delay is base^n milliseconds. `from_millis(1)` therefore never grows. What others call
# exponential from 100 ms is `from_millis(2).factor(50)`. `FibonacciBackoff::from_millis(100)` of the same module does begin with
# 100 ms and grow by the series. A `max_delay` hides the mistake: the second delay is the maximum already.
#
# Breakwater: `retry.backoff.baseDelay` is the first delay, and `multiplier` what it grows by.
# Needs Cargo. Seen on 2026-11-28 with Rust 1.95.0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "delays"
version = "1.0.0"
edition = "2021"

[dependencies]
tokio-retry = "=0.3.2"
TOML
cat >src/main.rs <<'RUST'
use std::time::Duration;
use tokio_retry::strategy::{ExponentialBackoff, FibonacciBackoff};

fn show(title: &str, delays: impl Iterator<Item = Duration>) {
    println!("{title}: {:?}", delays.take(4).collect::<Vec<_>>());
}

fn main() {
    let limit = Duration::from_secs(5);
    show("from 100 ms", ExponentialBackoff::from_millis(100));
    show("from 100 ms, at most 5 s", ExponentialBackoff::from_millis(100).max_delay(limit));
    show("from 1 ms", ExponentialBackoff::from_millis(1));
    show("from 2 ms, factor 50", ExponentialBackoff::from_millis(2).factor(50));
    show("Fibonacci from 100 ms", FibonacciBackoff::from_millis(100));
}
RUST
CARGO_TARGET_DIR="$folder/target" cargo run --quiet >seen.txt

cat >expected.txt <<'TEXT'
from 100 ms: [100ms, 10s, 1000s, 100000s]
from 100 ms, at most 5 s: [100ms, 5s, 5s, 5s]
from 1 ms: [1ms, 1ms, 1ms, 1ms]
from 2 ms, factor 50: [100ms, 200ms, 400ms, 800ms]
Fibonacci from 100 ms: [100ms, 100ms, 200ms, 300ms]
TEXT

grep --after-context=1 'name = "tokio-retry"' Cargo.lock
echo 'expected:'
cat expected.txt
echo 'seen:'
cat seen.txt
diff expected.txt seen.txt
