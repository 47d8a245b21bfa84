//! Sending inside a transaction of the user's own, on PostgreSQL.

use std::sync::Arc;

use celeriac_core::{Error as DriverError, ErrorKind, Timestamp};
use celeriac_postgres::Config as PostgresConfig;

use crate::app::App;
use crate::connect::Error;
use crate::result::AsyncResult;
use crate::send::SendError;
use crate::signature::Signature;
use crate::task::Task;

impl App {
    /// Sends a task with whatever else a transaction does: it is sent when the
    /// transaction commits, and a rollback sends nothing.
    ///
    /// The broker must be `postgres://`, and the connection one to the same
    /// database. It takes a [`sqlx::Transaction`], as `&mut *transaction` or
    /// `&mut transaction`. A queue's limit is not looked at, and signatures
    /// with a `dedup_key` are refused: their claim would outlive a rollback.
    ///
    /// ```no_run
    /// # use celeriac::App;
    /// #[celeriac::task]
    /// async fn send_receipt(order: i64) { /* … */ }
    ///
    /// # async fn example(pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
    /// let app = App::connect("postgres://localhost/shop")?.register(send_receipt);
    /// let mut transaction = pool.begin().await?;
    /// sqlx::query("INSERT INTO orders (id) VALUES (7)").execute(&mut *transaction).await?;
    /// let receipt = app.send_in(&mut transaction, send_receipt::s(7)).await?;
    /// transaction.commit().await?;
    /// receipt.get().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`SendError`]; after one of the driver the transaction is of no more use.
    ///
    /// # Cancel safety
    /// Dropped before it is ready, it may have written: roll back.
    pub async fn send_in<T: Task>(
        &self,
        transaction: &mut sqlx::PgConnection,
        signature: Signature<T>,
    ) -> Result<AsyncResult<T::Output>, SendError> {
        let broker = &self.config().broker;
        if !matches!(broker.scheme().as_str(), "postgres" | "postgresql") {
            return Err(refused(format!("the broker is {broker}, which takes no part in it")));
        }
        if signature.dedup().is_some() {
            return Err(refused("a dedup_key is claimed outside of it".to_owned()));
        }
        let connection = self.connection().await?;
        let message = signature.into_message(Timestamp::now())?;
        let max_body_bytes = self.config().messages.max_body_bytes;
        message.validate(max_body_bytes).map_err(celeriac_publisher::Error::Invalid)?;
        let id = message.id;
        let message = [Arc::new(message)];
        let closed = match &connection.guard {
            Some(guard) => guard.sealed(&message).map_err(Error::from)?,
            None => message.to_vec(),
        };
        let config = PostgresConfig::parse(broker.expose()).map_err(Error::from)?;
        let enqueued = celeriac_postgres::enqueue(transaction, &config, &closed).await;
        enqueued.map_err(Error::from)?;
        Ok(connection.result(id))
    }
}

fn refused(why: String) -> SendError {
    let context = format!("in a transaction: {why}");
    Error::from(DriverError::new(ErrorKind::Unsupported, "send", context)).into()
}
