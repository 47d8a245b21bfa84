//! From an error of sqlx to one of the driver wall: which kind, so that roles
//! know whether trying again may help.

use celeriac_core::{Error, ErrorKind};

/// What failed at which server. The context never holds the whole address.
pub(crate) fn of_sqlx(operation: &'static str, place: &str, error: sqlx::Error) -> Error {
    let (kind, advice) = classify(&error);
    let context = match advice {
        "" => format!("{place}: {error}"),
        advice => format!("{place}: {error}; {advice}"),
    };
    Error::new(kind, operation, context).caused_by(error)
}

/// What is stored can't be read.
pub(crate) fn corrupt(
    operation: &'static str,
    place: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let context = format!("{place}: what is stored there can't be read");
    Error::new(ErrorKind::Corrupt, operation, context).caused_by(error)
}

const TLS: (ErrorKind, &str) =
    (ErrorKind::Config, "look at `sslmode` and `sslrootcert` in the address");

fn classify(error: &sqlx::Error) -> (ErrorKind, &'static str) {
    match error {
        sqlx::Error::Database(database) => of_code(database.code().as_deref().unwrap_or_default()),
        // So rustls reports a certificate that it does not trust.
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => TLS,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
            (ErrorKind::Unreachable, "")
        }
        sqlx::Error::PoolTimedOut => {
            (ErrorKind::Unreachable, "the server does not answer, or `pool` is too small")
        }
        sqlx::Error::PoolClosed => (ErrorKind::Closed, ""),
        sqlx::Error::Tls(_) => TLS,
        sqlx::Error::Configuration(_) => (ErrorKind::Config, ""),
        _ => (ErrorKind::Internal, ""),
    }
}

/// The first two letters of a code are its class.
fn of_code(code: &str) -> (ErrorKind, &'static str) {
    match (code.get(..2).unwrap_or_default(), code) {
        // Shut down, crashed, starting, or a standby that took over.
        ("08", _) | (_, "57P01" | "57P02" | "57P03" | "57P05" | "25006") => {
            (ErrorKind::Unreachable, "")
        }
        (_, "57014") => (ErrorKind::Timeout, "the server's `statement_timeout` ended it"),
        (_, "53100" | "53200") => (ErrorKind::NoSpace, ""),
        ("53", _) => (ErrorKind::Busy, "the server has no connection to spare"),
        // Serialization, deadlock, lock not available.
        ("40", _) | (_, "55P03") => (ErrorKind::Busy, ""),
        ("28", _) => (ErrorKind::Denied, "look at user and password in the address"),
        (_, "42501") => (ErrorKind::Denied, "the user needs CREATE on the database, or the schema"),
        ("3D" | "3F", _) | (_, "42P01") => (ErrorKind::Config, ""),
        _ => (ErrorKind::Internal, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_retryable() {
        let kind = |code| of_code(code).0;
        for code in ["08006", "57P01", "57P03", "40P01", "53300", "53100", "57014"] {
            assert!(kind(code).is_retryable(), "{code}");
        }
        for code in ["28P01", "42501", "3D000", "23505", ""] {
            assert!(!kind(code).is_retryable(), "{code}");
        }
    }

    #[test]
    fn a_closed_pool_is_closed() {
        let error = of_sqlx("publish", "postgres://db", sqlx::Error::PoolClosed);
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert!(error.to_string().starts_with("publish: postgres://db: "), "{error}");
    }
}
