//! What the server does by itself: the scripts in `script/*.lua`, each on the
//! keys of one hash tag.

use std::sync::LazyLock;

/// A script. The server knows it by the hash of its text after its first run.
pub(crate) struct Script {
    text: &'static str,
    hashed: LazyLock<redis::Script>,
}

impl Script {
    pub(crate) fn text(&self) -> &'static str {
        self.text
    }

    pub(crate) fn sha(&self) -> &str {
        self.hashed.get_hash()
    }
}

/// Defines a script by the name of its file.
macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $file:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: Script = Script {
                text: include_str!(concat!("script/", $file, ".lua")),
                hashed: LazyLock::new(|| {
                    redis::Script::new(include_str!(concat!("script/", $file, ".lua")))
                }),
            };
        )*
    };
}

scripts! {
    PUBLISH = "publish";
    TAKE = "take";
    SETTLE = "settle";
    RECLAIM = "reclaim";
    BEGIN = "begin";
    STATS = "stats";
    PURGE = "purge";
    ROOM = "room";
    RENEW = "renew";
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
}
