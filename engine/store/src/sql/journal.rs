//! How pieces of a journal are read: `$1` and `$2` are the shard and the execution, `$3` is the place, `$4` and `$5` are the
//! [`crate::ReadLimit`], chunks and bytes.

/// Where the piece ends is found before a body is read: a database knows how long they are without.
macro_rules! piece {
    ($chunks:literal, $order:literal) => {
        concat!(
            "WITH piece AS (SELECT first_event FROM (\
                SELECT first_event, sum(bytes) OVER (ORDER BY first_event ",
            $order,
            " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before FROM (\
                    SELECT first_event, length(body) AS bytes FROM journal \
                    WHERE shard_id = $1 AND execution_id = $2 AND ",
            $chunks,
            " ORDER BY first_event ",
            $order,
            " LIMIT $4) AS chunks) AS chunks WHERE coalesce(bytes_before, 0) < $5) \
            SELECT * FROM journal WHERE shard_id = $1 AND execution_id = $2 AND first_event BETWEEN \
                (SELECT min(first_event) FROM piece) AND (SELECT max(first_event) FROM piece) \
            ORDER BY first_event ",
            $order
        )
    };
}

/// From a position on.
pub(crate) const JOURNAL_FROM: &str = piece!("first_event >= $3", "");

// A chunk that starts beyond the visible id X stands at position X or later, as positions count the internal events too: so
// the first such chunk is found by a seek, and the one before it holds X.

/// From the chunk that holds a visible event on.
pub(crate) const JOURNAL_UP: &str = piece!(
    "first_event >= coalesce((SELECT max(first_event) FROM journal \
        WHERE shard_id = $1 AND execution_id = $2 AND first_event < coalesce( \
            (SELECT first_event FROM journal WHERE shard_id = $1 AND execution_id = $2 \
                AND first_event >= $3 AND first_visible_id > $3 ORDER BY first_event LIMIT 1), \
            9223372036854775807)), 0)",
    ""
);

/// Back from the chunk that holds a visible event.
pub(crate) const JOURNAL_DOWN: &str = piece!(
    "first_event < coalesce( \
        (SELECT first_event FROM journal WHERE shard_id = $1 AND execution_id = $2 \
            AND first_event >= $3 AND first_visible_id > $3 ORDER BY first_event LIMIT 1), \
        9223372036854775807)",
    "DESC"
);
