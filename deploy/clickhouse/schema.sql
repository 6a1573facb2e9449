-- Where weir's decisions lie in ClickHouse (deploy/sinks.md says how they come there and how to ask for them).
-- For ClickHouse 18.16 (Debian 12) and later. A sink of kind clickhouse runs this itself, in its own database, if its
-- user may; else:  clickhouse-client --multiquery < schema.sql
--
-- A row is named by (writer, batch, row): who wrote it, the number of the batch that it came in, and its place there. A
-- batch whose arrival nobody confirmed is sent again, and then each of its rows replaces itself. So every question says
-- FINAL: without it a row may be seen twice until its parts are merged.

CREATE DATABASE IF NOT EXISTS weir;
USE weir;

CREATE TABLE IF NOT EXISTS decisions
(
    time DateTime('UTC'),
    time_ms Int64,                -- since 1970
    class String,                 -- blocked, would_block, allowed_over_block, resolved, rebinding, blocked_upstream
    name String,
    domain String,                -- the registrable domain of the name
    type String,
    client String,                -- as far as the policy's privacy level keeps it
    client_group String,
    list String,                  -- whose rule decided
    category String,              -- of that list
    pattern String,
    action String,
    mode String,                  -- how it was answered
    link String,                  -- which part of the answer decided
    link_name String,
    referring String,
    generation UInt64,
    import UInt64,                -- 0: none
    line UInt64,                  -- 0: none
    latency_us UInt32,
    transport String,
    loser_lists Array(String),    -- rules that matched and did not decide
    loser_patterns Array(String),
    loser_kinds Array(String),
    loser_actions Array(String),
    node String,                  -- the host that wrote it
    writer UInt64,                -- its decision log
    batch UInt64,
    row UInt32
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(time)
ORDER BY (time, writer, batch, row);

-- Rollups. Their key has the batch in it, so that the sums of a batch that is sent again replace themselves as well;
-- one insert holds whole batches and is one block, so a view sees each batch at once.
CREATE TABLE IF NOT EXISTS minutes
(
    minute DateTime('UTC'),
    class String,
    list String,
    category String,
    client_group String,
    writer UInt64,
    batch UInt64,
    decisions UInt64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(minute)
ORDER BY (minute, class, list, category, client_group, writer, batch);

CREATE MATERIALIZED VIEW IF NOT EXISTS minutes_of_decisions TO minutes AS
SELECT toStartOfMinute(time) AS minute, class, list, category, client_group, writer, batch, count() AS decisions
FROM decisions
GROUP BY minute, class, list, category, client_group, writer, batch;

CREATE TABLE IF NOT EXISTS domain_hours
(
    hour DateTime('UTC'),
    class String,
    domain String,
    writer UInt64,
    batch UInt64,
    decisions UInt64
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (hour, class, domain, writer, batch);

CREATE MATERIALIZED VIEW IF NOT EXISTS domain_hours_of_decisions TO domain_hours AS
SELECT toStartOfHour(time) AS hour, class, domain, writer, batch, count() AS decisions
FROM decisions
GROUP BY hour, class, domain, writer, batch;
