-- What has begun to run of what is in flight, by ranges of receipts: a row for
-- each batch, where there was a change to each message.
CREATE TABLE begun (
    session bigint NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    PRIMARY KEY (session, first)
);
ALTER TABLE begun SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
INSERT INTO begun (session, first, last) SELECT session, receipt, receipt FROM leased WHERE begun;
ALTER TABLE leased DROP COLUMN begun;
