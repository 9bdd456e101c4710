-- What the tables themselves tell doctor(), where they are there and nobody keeps them: a look by key or at
-- the first row each, never at a whole table.
WITH
-- The limits, each with its reason.
limits AS MATERIALIZED (
    SELECT
        -- The worker comes every two seconds; by then neither it nor maintain() was here, or rows are kept from it.
        '15 minutes'::interval AS sweeping,
        -- A round through the tables is due every hour.
        '1 day'::interval AS pruning,
        -- A coordinator looks several times a second; a saga that is called for is due again a lease later.
        '1 minute'::interval AS coordinating,
        -- A receiver that is restarted is back by then; from then on others notice what they do not hear.
        '15 minutes'::interval AS unheard,
        -- Whoever decides of differences has looked at them by the next working day.
        '1 day'::interval AS undecided,
        -- Who says yes carries it out then and there; a check does the same every five minutes.
        '1 hour'::interval AS confirmed
)
SELECT 'journal' AS topic, 'note' AS state,
       pg_catalog.format('movements lie in the default partition, the first of them is %s', j.id) AS finding,
       'They can be read there, but are never dropped with the old ones. Keep partitions open ahead: preload the library, or call inventory.maintain() every minute.' AS advice
  FROM (SELECT pg_catalog.min(d.id) AS id FROM inventory.journal_default AS d) AS j WHERE j.id IS NOT NULL
UNION ALL
SELECT 'sequences', 'problem', pg_catalog.format('warehouse %s has no sequence of order numbers', w.warehouse_id),
       'Run SELECT inventory.install(): it makes one that goes on behind the last number.'
  FROM inventory.warehouse AS w
 WHERE pg_catalog.to_regclass('inventory.order_number_' || pg_catalog.lpad(w.warehouse_id::pg_catalog.text, 3, '0')) IS NULL
UNION ALL
SELECT 'upkeep', 'note', pg_catalog.format('holds that ended at %s are not swept yet',
           pg_catalog.to_char(h.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')),
       'Their goods can be sold, but the holds pile up. Preload the library, or call inventory.maintain() every minute; what keeps rows from it is under transactions.'
  FROM (SELECT r.expires_at FROM inventory.reservation AS r
         WHERE r.state = 'HELD' AND r.expires_at IS NOT NULL ORDER BY r.expires_at LIMIT 1) AS h, limits AS l
 WHERE h.expires_at < pg_catalog.clock_timestamp() - l.sweeping
UNION ALL
SELECT 'upkeep', 'note', pg_catalog.format('%s: not done since %s', u.job,
           pg_catalog.to_char(u.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')),
       'Tables grow meanwhile. Preload the library, or call inventory.maintain() every minute.'
  FROM inventory.upkeep AS u, limits AS l
 WHERE u.job IN ('prune requests', 'prune holds', 'prune sagas') AND pg_catalog.isfinite(u.at)
   AND u.at < pg_catalog.clock_timestamp() - l.pruning
UNION ALL
SELECT 'sagas', 'problem', pg_catalog.format('%s of them need attention, the oldest is %s',
           CASE WHEN n.sagas > 1000 THEN 'more than 1000' ELSE n.sagas::pg_catalog.text END, n.oldest),
       'Look at inventory.saga_steps for what was asked and answered; then inventory saga retry, with --revert to undo it.'
  FROM (SELECT pg_catalog.count(*) AS sagas, (pg_catalog.array_agg(a.saga_id))[1] AS oldest
          FROM (SELECT s.saga_id FROM inventory.saga AS s
                 WHERE s.state = 'NEEDS_ATTENTION' ORDER BY s.saga_id LIMIT 1001) AS a) AS n
 WHERE n.sagas > 0
UNION ALL
SELECT 'sagas', 'problem', pg_catalog.format('nobody has gone on with them since %s',
           pg_catalog.to_char(d.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')),
       'Run inventory serve (with --sagas above 0, which it is by itself) before this database, and look in its log.'
  FROM (SELECT s.due_at FROM inventory.saga AS s WHERE s.due_at IS NOT NULL ORDER BY s.due_at LIMIT 1) AS d, limits AS l
 WHERE d.due_at < pg_catalog.clock_timestamp() - l.coordinating
UNION ALL
SELECT 'repairs', 'note', pg_catalog.format('%s tickets have waited for somebody''s word for more than a day, the first of them is %s',
           CASE WHEN n.tickets > 1000 THEN 'more than 1000' ELSE n.tickets::pg_catalog.text END, n.first),
       'Look at what differs (inventory repair list, or the console); confirm it or reject it. What has to be set right by hand is closed by the next check.'
  FROM (SELECT pg_catalog.count(*) AS tickets, pg_catalog.min(a.ticket_id) AS first
          FROM (SELECT t.ticket_id FROM inventory.repair_ticket AS t, limits AS l
                 WHERE t.open AND t.state = 'PENDING' AND t.opened_at < pg_catalog.clock_timestamp() - l.undecided
                 ORDER BY t.ticket_id LIMIT 1001) AS a) AS n
 WHERE n.tickets > 0
UNION ALL
SELECT 'repairs', 'note', pg_catalog.format('%s tickets were confirmed and never carried out, the first of them is %s',
           CASE WHEN n.tickets > 1000 THEN 'more than 1000' ELSE n.tickets::pg_catalog.text END, n.first),
       'Carry them out by inventory repair run, or in the console; or reject what is not meant any more.'
  FROM (SELECT pg_catalog.count(*) AS tickets, pg_catalog.min(a.ticket_id) AS first
          FROM (SELECT t.ticket_id FROM inventory.repair_ticket AS t, limits AS l
                 WHERE t.open AND t.state = 'CONFIRMED' AND t.decided_at < pg_catalog.clock_timestamp() - l.confirmed
                 ORDER BY t.ticket_id LIMIT 1001) AS a) AS n
 WHERE n.tickets > 0
UNION ALL
SELECT 'sinks', 'note', pg_catalog.format('sink %s is paused: it is told nothing, and the journal keeps all that it has still to hear', s.name),
       'Resume it by inventory.resume_sink(), or remove it by inventory.drop_sink().'
  FROM inventory.sinks AS s WHERE s.state = 'PAUSED'
UNION ALL
SELECT 'sinks', 'problem', pg_catalog.format('sink %s does not take what it is sent since %s: %s', s.name,
           pg_catalog.to_char(s.failing_since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), s.failure),
       'See to it that it can be reached; nothing is lost meanwhile.'
  FROM inventory.sinks AS s, limits AS l
 WHERE s.state = 'ACTIVE' AND s.failing_since < pg_catalog.clock_timestamp() - l.unheard
UNION ALL
SELECT 'sinks', 'problem', pg_catalog.format('no relay tells sink %s', s.name),
       'Run inventory relay, or inventory serve --relay.'
  FROM inventory.sinks AS s, limits AS l
 WHERE s.state = 'ACTIVE' AND s.relay IS NULL AND s.lag_seconds > extract(epoch FROM l.unheard)
UNION ALL
SELECT 'sinks', 'note', pg_catalog.format('sink %s is %s minutes behind', s.name, pg_catalog.round((s.lag_seconds / 60)::numeric)),
       'It takes events more slowly than they come.'
  FROM inventory.sinks AS s, limits AS l
 WHERE s.state = 'ACTIVE' AND s.relay IS NOT NULL AND s.failing_since IS NULL
   AND s.lag_seconds > extract(epoch FROM l.unheard)
UNION ALL
SELECT 'sinks', 'note', pg_catalog.format('sink %s refused %s events for good', s.name, s.dead),
       'Look at inventory.parked_events, and try them again by inventory.redrive().'
  FROM inventory.sinks AS s WHERE s.dead > 0
