//! Time that passes at a word, for tests that cannot wait for it.

/// Makes `public.time_passes(by, pattern)`, for superusers: afterwards everything stored about the
/// time of holds and the dates of lots lies `by` further back, as if that much time had gone by, for
/// all SKUs or those that are LIKE `pattern`. For lots only whole days pass.
pub const TIME_PASSES: &str = "
    CREATE FUNCTION public.time_passes(by interval, pattern text DEFAULT '%') RETURNS void
    LANGUAGE sql AS $$
        UPDATE inventory.stock AS s
           SET next_expiry = s.next_expiry - by,
               expires_on = s.expires_on - extract(epoch FROM by)::int / 86400
         WHERE s.sku LIKE pattern AND (s.next_expiry IS NOT NULL OR s.expires_on IS NOT NULL);
        UPDATE inventory.reservation AS r SET expires_at = r.expires_at - by
         WHERE r.expires_at IS NOT NULL
           AND EXISTS (SELECT FROM inventory.reservation_line AS l
                        WHERE l.reservation_id = r.reservation_id AND l.sku LIKE pattern);
        UPDATE inventory.reservation_line AS l SET expires_at = l.expires_at - by
         WHERE l.expires_at IS NOT NULL AND l.sku LIKE pattern;
        UPDATE inventory.order_line AS l
           SET expires_on = l.expires_on - extract(epoch FROM by)::int / 86400
         WHERE l.expires_on IS NOT NULL AND l.sku LIKE pattern;
    $$";
