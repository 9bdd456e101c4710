-- Layout 6: sagas and their steps.

CREATE TABLE inventory.saga (
    -- Rises with time.
    saga_id    uuid PRIMARY KEY,
    name       text COLLATE "C" NOT NULL,
    -- The definition that it began with, whatever became of the file since.
    definition jsonb NOT NULL,
    input      jsonb NOT NULL,
    state      text COLLATE "C" NOT NULL
               CHECK (state IN ('RUNNING', 'REVERTING', 'NEEDS_ATTENTION', 'COMPLETED', 'REVERTED')),
    -- Of what needs attention: why.
    reason     text,
    -- From when on anybody may take it up: after a pause, or when whoever has it is taken for gone.
    due_at     timestamptz,
    -- Rises each time it is taken up; who comes with an older one has lost it.
    fence      bigint NOT NULL,
    holder     text COLLATE "C",
    -- Of the database that went on with it last: one that was restored or cloned since asks people first.
    generation integer NOT NULL,
    request_id uuid,
    operator   text COLLATE "C",
    trace_id   text COLLATE "C",
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    CONSTRAINT saga_is_due_while_it_runs CHECK ((due_at IS NOT NULL) = (state IN ('RUNNING', 'REVERTING')))
);
CREATE INDEX saga_due ON inventory.saga (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX saga_state ON inventory.saga (state, saga_id);
CREATE UNIQUE INDEX saga_request ON inventory.saga (request_id) WHERE request_id IS NOT NULL;

-- One row a call: marked before it is made, and what came of it after.
CREATE TABLE inventory.saga_step (
    saga_id    uuid    NOT NULL,
    -- From 1, in the order of the definition.
    step       integer NOT NULL,
    direction  text COLLATE "C" NOT NULL CHECK (direction IN ('action', 'compensation')),
    state      text COLLATE "C" NOT NULL CHECK (state IN ('CALLING', 'DONE', 'REFUSED', 'VOID')),
    -- Ever, and since somebody had it tried again.
    asked      integer NOT NULL,
    tries      integer NOT NULL,
    answer     jsonb,
    -- Why it was refused, or is not known.
    detail     text,
    began_at   timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (saga_id, step, direction)
);

-- What was answered once stays answered, and no action begins or is done once its compensation has
-- begun, whoever writes the table.
CREATE FUNCTION inventory.saga_steps_stay_answered() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.state <> 'CALLING' THEN
        RAISE EXCEPTION 'the % of step % of saga % is %: % cannot follow',
            OLD.direction, OLD.step, OLD.saga_id, OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.direction = 'action' AND NEW.state IN ('CALLING', 'DONE')
       AND EXISTS (SELECT FROM inventory.saga_step AS c
                    WHERE c.saga_id = NEW.saga_id AND c.step = NEW.step AND c.direction = 'compensation') THEN
        RAISE EXCEPTION 'step % of saga % is being undone: its action is void', NEW.step, NEW.saga_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$guard$;
REVOKE ALL ON FUNCTION inventory.saga_steps_stay_answered() FROM PUBLIC;
CREATE TRIGGER saga_steps_stay_answered BEFORE INSERT OR UPDATE ON inventory.saga_step
    FOR EACH ROW EXECUTE FUNCTION inventory.saga_steps_stay_answered();

INSERT INTO inventory.upkeep (job, position, at) VALUES ('prune sagas', 0, '-infinity');

CREATE VIEW inventory.sagas AS
SELECT s.saga_id, s.name, s.state, s.reason, s.input, s.due_at, s.holder, s.operator, s.trace_id,
       s.created_at, s.changed_at
  FROM inventory.saga AS s;

CREATE VIEW inventory.saga_steps AS
SELECT t.saga_id, t.step, s.definition -> 'steps' -> (t.step - 1) ->> 'name' AS name,
       s.definition -> 'steps' -> (t.step - 1) ->> 'participant' AS participant,
       s.definition -> 'steps' -> (t.step - 1) ->> t.direction AS call,
       t.direction, t.state, t.asked, t.answer, t.detail, t.began_at, t.changed_at
  FROM inventory.saga_step AS t
  JOIN inventory.saga AS s ON s.saga_id = t.saga_id;

GRANT SELECT ON inventory.sagas, inventory.saga_steps TO inventory_reader;
