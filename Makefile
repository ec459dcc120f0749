# make check    all that CI runs, stage by stage, with the time of each
# make STAGE    one of the stages below
# make long     more seeds and cases, longer fuzzing
# make install  PREFIX=/usr/local DESTDIR=
# make deb, rpm, repo    packages, and a flat apt repository of them in target/repo (signed with REPO_KEY= of gpg)

SHELL := /bin/bash
export PATH := $(PATH):$(HOME)/.cargo/bin
export CARGO_TERM_COLOR ?= auto

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
FUZZ_SECONDS ?= 10
STAGES = tools fmt clippy doc man licences unit sim conformance it load netns clients packages systemd fuzz
FUZZ_TARGETS = $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
UNITS = $(PREFIX)/lib/systemd/system
CARGO_HOME ?= $(HOME)/.cargo
# Where it was built, and when, does not show in what is built. And what is not marked for inlining is inlined only where it is small.
REMAP = RUSTFLAGS="--remap-path-prefix=$(CARGO_HOME)/registry/src=/registry --remap-path-prefix=$(CURDIR)=. \
    -C llvm-args=-inlinedefault-threshold=100" \
    CFLAGS="-ffile-prefix-map=$(CARGO_HOME)/registry/src=/registry -ffile-prefix-map=$(CURDIR)=."
EPOCH = SOURCE_DATE_EPOCH=$(shell date -d "$$(sed -n 's/^ -- .*>  //p' packaging/deb/changelog | head -n 1)" +%s)

.PHONY: all check long install pages package deb rpm repo reproducible clean $(STAGES)

all:
	$(EPOCH) $(REMAP) cargo build --release --locked --bin emqx-rs --bin emqx-rs-bench
	$(EPOCH) $(REMAP) cargo build --profile small --locked --bin emqx-rs-ctl

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
	cargo test --locked --test it -- --skip sim:: --skip conformance:: --skip malformed:: --skip clients:: --skip abuse:: --skip load::

# Bad input, ten thousand connections, clients that do not read: one after the other, because they measure. MUTATION_SEED=17
# MUTATIONS=1 replays one conversation.
load:
	MUTATIONS=$${MUTATIONS:-1000000} cargo test --locked --test it -- abuse:: load:: --test-threads=1 --nocapture

# Hosts as network namespaces, cables that are cut: as root. One after the other, because they measure time.
netns:
	cargo test --locked --test netns -- --test-threads=1 --nocapture --skip systemd::

clients:
	cargo test --locked --test it clients::

# The warnings that are left are explained in packaging/README.md.
packages: deb rpm
	lintian --fail-on error,warning --allow-root target/debian/*.deb
	rpmlint --strict --config packaging/rpm/rpmlint.toml target/generate-rpm/*.rpm

# Debian 12 and 13 with systemd as PID 1, installed from the repository, by rpm, and by hand: as root.
systemd: repo rpm
	rm -rf target/installed
	$(MAKE) install DESTDIR=$(CURDIR)/target/installed
	.ci/debian-tree bookworm target/trees/bookworm
	.ci/debian-tree trixie target/trees/trixie rpm
	cargo test --locked --test netns -- --test-threads=1 --nocapture systemd::

# Every reader of outside bytes. Without a sanitizer: no reader has unsafe (`net/sys.rs` alone has), and so the stable compiler does.
# What a run finds interesting stays under fuzz/target; what is worth keeping is moved to fuzz/corpus by hand.
# As many at a time as there are processors.
fuzz:
	cargo fuzz build -s none
	@mkdir -p fuzz/target
	@printf '%s\n' $(FUZZ_TARGETS) | xargs -P "$$(nproc)" -I TARGET sh -c '\
	    echo "fuzz TARGET $(FUZZ_SECONDS) s"; mkdir -p fuzz/target/found/TARGET fuzz/corpus/TARGET; \
	    cargo fuzz run -s none TARGET fuzz/target/found/TARGET fuzz/corpus/TARGET -- \
	        -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -timeout=10 -rss_limit_mb=1024 \
	        >fuzz/target/TARGET.log 2>&1 || { echo "fuzz TARGET failed"; tail -n 40 fuzz/target/TARGET.log; exit 1; }'

long: tools
	PROPTEST_CASES=20000 SIM_SEEDS=20000 cargo test --locked --release --lib --bins --test it -- --skip abuse:: --skip load::
	MUTATIONS=10000000 cargo test --locked --release --test it -- abuse:: load:: --test-threads=1 --nocapture
	cargo test --locked --features dns-srv --test it discovery::
	NETNS_TRIES=50 NETNS_BUSY=600 NETNS_ROAM=60 cargo test --locked --release --test netns -- --test-threads=1 --nocapture --skip systemd::
	$(MAKE) reproducible
	$(MAKE) fuzz FUZZ_SECONDS=600

install: all pages
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/bin \
	    target/release/emqx-rs target/small/emqx-rs-ctl target/release/emqx-rs-bench
	install -D -m 755 -t $(DESTDIR)$(PREFIX)/lib/emqx-rs packaging/cookie
	for page in target/package/man/*.gz; do \
	    section=$${page%.gz}; install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man$${section##*.} $$page || exit 1; \
	done
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/emqx-rs CHANGELOG.md LICENSE-* packaging/nftables/emqx-rs.nft
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/emqx-rs/examples packaging/examples/*
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
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/systemd/catalog packaging/journal/*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/sysusers.d packaging/sysusers.d/*
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/lib/tmpfiles.d packaging/tmpfiles.d/*

# What packages hold besides files of the repository and the programs.
package: pages
	rm -rf target/package/doc
	packaging/inventory target/package/doc

pages:
	rm -rf target/package/man && mkdir -p target/package/man
	for page in man/*; do gzip -9nc $$page > target/package/man/$${page##*/}.gz || exit 1; done

# Compressed once more: as machine code, with a dictionary that spans all programs. A box needs those 16 MiB to unpack it.
deb: all package
	rm -rf target/debian
	$(EPOCH) cargo deb --quiet --no-build
	set -o pipefail && cd target/debian && ar x *.deb && \
	    xz -dc data.tar.xz | xz -T1 $(if $(findstring x86_64,$(shell uname -m)),--x86) --lzma2=preset=9e,dict=16MiB,lc=4,pb=0 > data && \
	    mv data data.tar.xz && \
	    package=$$(echo *.deb) && rm $$package && ar rcD $$package debian-binary control.tar.xz data.tar.xz && \
	    rm debian-binary control.tar.xz data.tar.xz

rpm: all package
	rm -f target/generate-rpm/*.rpm
	$(EPOCH) cargo generate-rpm

# For `deb [trusted=yes] file:/path ./`, or with a key `deb [signed-by=...] https://... ./`.
repo: deb
	rm -rf target/repo && mkdir target/repo && cp target/debian/*.deb target/repo
	cd target/repo && apt-ftparchive packages . > Packages && gzip -9nk Packages
	cd target/repo && $(EPOCH) apt-ftparchive -o APT::FTPArchive::Release::Origin=emqx-rs \
	    -o APT::FTPArchive::Release::Label=emqx-rs release . > ../Release && mv ../Release .
	[ -z "$(REPO_KEY)" ] || gpg --batch --yes --local-user "$(REPO_KEY)" --clearsign -o target/repo/InRelease target/repo/Release

# Builds from nothing in two folders of different names, and compares what comes out.
reproducible:
	for folder in one another; do \
	    rm -rf target/reproducible/$$folder && mkdir -p target/reproducible/$$folder && \
	    git archive HEAD | tar -x -C target/reproducible/$$folder && \
	    (unset CARGO_TARGET_DIR; $(MAKE) -C target/reproducible/$$folder deb rpm) || exit 1; \
	done
	cd target/reproducible && cmp one/target/debian/*.deb another/target/debian/*.deb && \
	    cmp one/target/generate-rpm/*.rpm another/target/generate-rpm/*.rpm && echo "both packages are the same, byte for byte"

clean:
	cargo clean
	rm -rf fuzz/target
