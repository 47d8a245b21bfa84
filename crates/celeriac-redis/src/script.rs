//! What the server does by itself: the scripts in `script/*.lua`, each on the
//! keys of one hash tag.

use std::sync::LazyLock;

/// A script. The server knows it by the hash of its text after its first run.
pub(crate) struct Script {
    text: LazyLock<String>,
    hashed: LazyLock<redis::Script>,
}

impl Script {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn sha(&self) -> &str {
        self.hashed.get_hash()
    }
}

/// A script that calls others: as functions of their keys and arguments.
fn composed(others: &[(&str, &Script)], text: &str) -> String {
    let functions = others.iter().map(|(name, script)| {
        format!("local function {name}(KEYS, ARGV)\n{}\nend\n", script.text())
    });
    functions.chain([text.to_owned()]).collect()
}

/// Defines a script by the name of its file, and the others that it calls.
macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal $(with $($other:ident: $script:ident),+)?;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: Script = Script {
                text: LazyLock::new(|| {
                    let text = include_str!(concat!("script/", $file, ".lua"));
                    composed(&[$($((stringify!($other), &$script)),+)?], text)
                }),
                hashed: LazyLock::new(|| redis::Script::new($name.text())),
            };
        )*
    };
}

scripts! {
    APPEND = "append";
    PUBLISH = "publish";
    TAKE = "take";
    SETTLE = "settle";
    RECLAIM = "reclaim";
    BEGIN = "begin";
    STATS = "stats";
    PURGE = "purge";
    ROOM = "room";
    RENEW = "renew";
    RECORD = "record";
    EXPIRE = "expire";
    MARK = "mark";
    CLAIM = "claim";
    CONFIRM = "confirm";
    REVOKE = "revoke";
    SCHEDULE = "schedule";
    TAKE_DUE = "take_due";
    UNSCHEDULE = "unschedule";
    QUARANTINE = "quarantine";
    CREATE = "create";
    TRANSITION = "transition";
    MARK_STEPS = "mark_steps";
    JOIN = "join";
    MEMBERS = "members";
    REOPEN = "reopen";
    FORGET = "forget";
    ADVANCE = "advance" with record: RECORD, join: JOIN, mark_steps: MARK_STEPS, publish: PUBLISH;
}
