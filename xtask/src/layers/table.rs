//! The layers and walls, as data. `ARCHITECTURE.md` says why they are so.

/// One of our crates, and which others it may name.
pub(super) struct Crate {
    pub(super) name: &'static str,
    /// What it may depend on.
    pub(super) normal: &'static [&'static str],
    /// What its tests may depend on beside that.
    pub(super) dev: &'static [&'static str],
    /// The rule, in words.
    pub(super) rule: &'static str,
}

const fn layer(
    name: &'static str,
    normal: &'static [&'static str],
    dev: &'static [&'static str],
    rule: &'static str,
) -> Crate {
    Crate { name, normal, dev, rule }
}

const CORE: &str = "celeriac-core";
const ENGINE: &str = "celeriac-engine";
const JUMPSTARTER: &str = "jumpstarter";
const EMBEDDED: &str = "celeriac-embedded";
const AMQP: &str = "celeriac-amqp";
const NATS: &str = "celeriac-nats";
const POSTGRES: &str = "celeriac-postgres";
const REDIS: &str = "celeriac-redis";
const TESTKIT: &str = "celeriac-testkit";

const NOTHING: &[&str] = &[];
const BELOW_A_ROLE: &[&str] = &[CORE, ENGINE, JUMPSTARTER];
const FOR_TESTS: &[&str] = &[TESTKIT, EMBEDDED];
const BELOW_THE_FACADE: &[&str] = &[
    CORE,
    ENGINE,
    JUMPSTARTER,
    EMBEDDED,
    AMQP,
    NATS,
    REDIS,
    "celeriac-connect",
    "celeriac-macros",
    POSTGRES,
    "celeriac-publisher",
    "celeriac-router",
    "celeriac-security",
    "celeriac-worker",
];

const ROLE: &str = "roles never import roles or a driver, so that each can be its own process";

/// Every crate of the workspace, from the bottom up.
pub(super) const CRATES: &[Crate] = &[
    // L0
    layer(CORE, NOTHING, NOTHING, "core is the contract and knows nothing of ours"),
    layer(JUMPSTARTER, &["jumpstarter-macros"], &[JUMPSTARTER], "the actor system knows no tasks"),
    layer("jumpstarter-macros", NOTHING, &[JUMPSTARTER], "macros name crates in their output only"),
    // L1
    layer(ENGINE, &[CORE], &[TESTKIT], "the engine is pure and sees core only"),
    layer(
        TESTKIT,
        &[CORE, JUMPSTARTER],
        &[EMBEDDED],
        "what tests are made of knows no driver and no role",
    ),
    layer(
        EMBEDDED,
        &[CORE, JUMPSTARTER],
        &[TESTKIT],
        "a driver sees core and jumpstarter (ADR 0002)",
    ),
    layer("celeriac-connect", &[CORE], &[TESTKIT], "sources and sinks see core only"),
    layer(
        AMQP,
        &[CORE, JUMPSTARTER],
        FOR_TESTS,
        "a driver sees core and jumpstarter (ADR 0002); its tests need a store",
    ),
    layer(
        NATS,
        &[CORE, JUMPSTARTER],
        FOR_TESTS,
        "a driver sees core and jumpstarter (ADR 0002); its tests need a store",
    ),
    layer(REDIS, &[CORE, JUMPSTARTER], &[TESTKIT], "a driver sees core and jumpstarter (ADR 0002)"),
    layer(
        POSTGRES,
        &[CORE, JUMPSTARTER],
        &[TESTKIT],
        "a driver sees core and jumpstarter (ADR 0002)",
    ),
    layer(
        "celeriac-security",
        &[CORE],
        &[TESTKIT, EMBEDDED],
        "it guards any broker, and so knows core only",
    ),
    // L2
    layer("celeriac-publisher", BELOW_A_ROLE, FOR_TESTS, ROLE),
    layer("celeriac-router", BELOW_A_ROLE, FOR_TESTS, ROLE),
    layer("celeriac-worker", BELOW_A_ROLE, FOR_TESTS, ROLE),
    // L3
    layer("celeriac-macros", NOTHING, &["celeriac"], "macros name crates in their output only"),
    layer("celeriac", BELOW_THE_FACADE, &[TESTKIT], "the facade is below the command line only"),
    // L4
    layer("celeriac-cli", &["celeriac", CORE], FOR_TESTS, "the binary is made of the facade"),
    layer("xtask", NOTHING, NOTHING, "chores need nothing of ours"),
];

/// Crates of others that only some of ours may name.
pub(super) struct Wall {
    /// Who is meant.
    packages: Who,
    /// What is kept out.
    libraries: What,
    /// The rule, in words.
    pub(super) rule: &'static str,
}

enum Who {
    Only(&'static str),
    AllBut(&'static [&'static str]),
}

enum What {
    These(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

impl Wall {
    /// Whether the wall forbids that `package` depends on `library`.
    pub(super) fn keeps_out(&self, package: &str, library: &str) -> bool {
        let is_meant = match self.packages {
            Who::Only(name) => package == name,
            Who::AllBut(names) => !names.contains(&package),
        };
        let is_ours = CRATES.iter().any(|one| one.name == library);
        let is_kept_out = match self.libraries {
            What::These(names) => names.contains(&library),
            What::AllBut(names) => !is_ours && !names.contains(&library),
        };
        is_meant && is_kept_out
    }
}

const CONTRACT: &[&str] =
    &["bytes", "futures-channel", "rand", "rmp-serde", "serde", "serde_json", "thiserror", "uuid"];

const IMPURE: &[&str] =
    &["tokio", "tokio-util", "futures-util", "rand", "parking_lot", "rusqlite", "async-trait"];

/// The walls that manifests can break.
pub(super) const WALLS: &[Wall] = &[
    Wall {
        packages: Who::Only(CORE),
        libraries: What::AllBut(CONTRACT),
        rule: "the wall `contract`: core knows no runtime, client library, file or environment; \
               a new dependency needs a line in xtask/src/layers/table.rs",
    },
    Wall {
        packages: Who::Only(ENGINE),
        libraries: What::These(IMPURE),
        rule: "the wall `purity`: the engine has no async, clock, randomness or I/O",
    },
    Wall {
        packages: Who::AllBut(&[EMBEDDED]),
        libraries: What::These(&["rusqlite", "libsqlite3-sys"]),
        rule: "the wall `driver`: only celeriac-embedded names rusqlite",
    },
    Wall {
        packages: Who::AllBut(&[AMQP]),
        libraries: What::These(&["lapin", "amqprs"]),
        rule: "the wall `driver`: only celeriac-amqp names lapin",
    },
    Wall {
        // The facade names the users' own transactions, and nothing else.
        packages: Who::AllBut(&[POSTGRES, "celeriac"]),
        libraries: What::These(&["sqlx", "sqlx-core", "sqlx-postgres", "tokio-postgres"]),
        rule: "the wall `driver`: only celeriac-postgres names sqlx",
    },
    Wall {
        packages: Who::AllBut(&[NATS]),
        libraries: What::These(&["async-nats"]),
        rule: "the wall `driver`: only celeriac-nats names async-nats",
    },
    Wall {
        packages: Who::AllBut(&[REDIS]),
        libraries: What::These(&["redis", "fred"]),
        rule: "the wall `driver`: only celeriac-redis names redis",
    },
    Wall {
        packages: Who::AllBut(&["celeriac-connect"]),
        libraries: What::These(&["hyper", "hyper-util", "hyper-rustls", "reqwest", "axum"]),
        rule: "the wall `language`: HTTP lives in celeriac-connect only",
    },
    Wall {
        packages: Who::AllBut(&["celeriac-python"]),
        libraries: What::These(&["pyo3"]),
        rule: "the wall `language`: only celeriac-python names pyo3",
    },
    Wall {
        packages: Who::AllBut(&["celeriac-cli", "xtask"]),
        libraries: What::These(&["anyhow", "eyre"]),
        rule: "errors of libraries are typed; anyhow is for celeriac-cli and xtask",
    },
];

/// Words that the source of a crate may not contain.
pub(super) struct Ban {
    pub(super) package: &'static str,
    pub(super) words: &'static [&'static str],
    pub(super) rule: &'static str,
}

/// The walls that manifests can't show.
pub(super) const BANNED_WORDS: &[Ban] = &[
    Ban {
        package: ENGINE,
        words: &[
            "SystemTime",
            "Instant::now",
            "Timestamp::now",
            "MessageId::new",
            "async fn",
            ".await",
            "std::fs",
            "std::net",
            "std::env",
            "std::thread",
            "rand::",
        ],
        rule: "the wall `purity`: time and seeds are arguments of the engine",
    },
    Ban {
        package: CORE,
        words: &["std::fs", "std::net", "std::env", "std::thread", "tokio::"],
        rule: "the wall `contract`: core knows no runtime, file or environment",
    },
];
