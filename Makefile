# Each target is one line that a person could type; the scripts say what they do.

.DEFAULT_GOAL := run
.PHONY: run test lint bench soak lock clean

run:
	@scripts/run

test:
	@scripts/test

lint:
	@scripts/lint

bench:
	@scripts/bench

soak:
	@scripts/soak

lock:
	@scripts/lock

clean:
	@scripts/clean
