# make check    all that CI runs, stage by stage, with the time of each
# make STAGE    one of the stages below
# make long     more seeds and cases, longer fuzzing
# make install  PREFIX=/usr/local DESTDIR=

SHELL := /bin/bash
export PATH := $(PATH):$(HOME)/.cargo/bin
export CARGO_TERM_COLOR ?= auto

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
FUZZ_SECONDS ?= 10
STAGES = tools fmt clippy doc man licences unit sim conformance it netns clients fuzz
FUZZ_TARGETS = $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
UNITS = $(PREFIX)/lib/systemd/system

.PHONY: all check long install deb rpm clean $(STAGES)

all:
	cargo build --release --locked

check:
	@begin=$$SECONDS; times=; \
	for stage in $(STAGES); do \
	    echo "== $$stage"; at=$$SECONDS; \
	    $(MAKE) --no-print-directory $$stage || { echo "== $$stage FAILED after $$((SECONDS - at)) s"; exit 1; }; \
	    echo "== $$stage ok, $$((SECONDS - at)) s"; times+=$$(printf '\n%8s s  %s' $$((SECONDS - at)) $$stage); \
	done; \
	echo "== all stages passed:$$times"; printf '%8s s  in all\n' $$((SECONDS - begin))

tools:
	@.ci/tools

fmt:
	cargo fmt --check

clippy:
	cargo clippy --locked --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --locked --no-deps --lib --document-private-items

# A page that names another one that is not installed here, or not yet in the index, is no fault.
man:
	@! mandoc -T lint -W style man/* 2>&1 | grep -v -e 'referenced manual not found' -e 'outdated mandoc.db'

licences:
	cargo deny --offline --log-level error check --hide-inclusion-graph licenses bans sources

# One profile for all of them, so that everything is built once: by the first stage that needs it.
unit:
	cargo test --locked --lib --bins

# Each seed is a run of a whole cluster; SIM_SEED=17 replays one.
sim:
	SIM_SEEDS=$${SIM_SEEDS:-2000} cargo test --locked --test it sim::

conformance:
	cargo test --locked --test it -- conformance:: malformed::

it:
	cargo test --locked --test it -- --skip sim:: --skip conformance:: --skip malformed:: --skip clients::

# Hosts as network namespaces, cables that are cut: as root. One after the other, because they measure time.
netns:
	cargo test --locked --test netns -- --test-threads=1 --nocapture

clients:
	cargo test --locked --test it clients::

# Every reader of outside bytes. Without a sanitizer: no reader has unsafe (`net/sys.rs` alone has), and so the stable compiler does.
# What a run finds interesting stays under fuzz/target; what is worth keeping is moved to fuzz/corpus by hand.
fuzz:
	cargo fuzz build -s none
	@for target in $(FUZZ_TARGETS); do \
	    echo "fuzz $$target $(FUZZ_SECONDS) s"; mkdir -p fuzz/target/found/$$target fuzz/corpus/$$target; \
	    cargo fuzz run -s none $$target fuzz/target/found/$$target fuzz/corpus/$$target -- \
	        -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -timeout=10 -rss_limit_mb=1024 \
	        >fuzz/target/$$target.log 2>&1 || { tail -n 40 fuzz/target/$$target.log; exit 1; }; \
	done

long: tools
	PROPTEST_CASES=20000 SIM_SEEDS=20000 cargo test --locked --release --lib --bins --test it
	cargo test --locked --features dns-srv --test it discovery::
	NETNS_TRIES=50 NETNS_BUSY=600 cargo test --locked --release --test netns -- --test-threads=1 --nocapture
	$(MAKE) fuzz FUZZ_SECONDS=600

install: all
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin target/release/emqx-rs target/release/emqx-rs-ctl target/release/emqx-rs-bench
	for page in man/*; do \
	    install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${page##*.} $$page || exit 1; \
	done
	install -D -m 644 completions/emqx-rs-ctl.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/emqx-rs-ctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/zsh/site-functions completions/_emqx-rs-ctl
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d completions/emqx-rs-ctl.fish
	install -d -m 755 $(DESTDIR)$(SYSCONFDIR)/emqx-rs/conf.d
	for file in etc/*; do \
	    to=$(DESTDIR)$(SYSCONFDIR)/emqx-rs/$${file##*/}; \
	    if [ -e $$to ]; then echo "kept: $$to"; else install -m 644 $$file $$to || exit 1; fi; \
	done
	install -D -m 644 -t $(DESTDIR)$(UNITS) packaging/systemd/*
	sed -i 's:/usr/bin/:$(PREFIX)/bin/:' $(DESTDIR)$(UNITS)/emqx-rs.service
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sysusers.d packaging/sysusers.d/*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/tmpfiles.d packaging/tmpfiles.d/*

# Packages; need cargo-deb and cargo-generate-rpm.
deb: all
	cargo deb --no-build

rpm: all
	rm -rf target/man && mkdir -p target/man
	for page in man/*; do gzip -9nc $$page > target/man/$${page##*/}.gz || exit 1; done
	cargo generate-rpm

clean:
	cargo clean
	rm -rf fuzz/target
