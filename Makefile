# Each target is one line that a person could type; the scripts say what they do.

.DEFAULT_GOAL := run
.PHONY: run test lint bench soak lock clean

run:
	@scripts/run $(RUN)

test:
	@scripts/test $(TEST)

lint:
	@scripts/lint

bench:
	@scripts/bench $(BENCH)

soak:
	@scripts/soak

lock:
	@scripts/lock

clean:
	@scripts/clean
