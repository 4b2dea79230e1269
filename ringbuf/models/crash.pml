/* The commit: a source, a worker and a sink, joined by two rings of two slots. Each is killed between any two
   stores, so many times. Everything arrives once, in order, as it was committed, and so does the end.

   As in worker/subgraph.rs: a step writes outputs beyond `written` and state into the spare copy, fills the spare
   record, stores the version (the commit), then publishes outputs, `closed` after `written`, then releases inputs.
   A successor takes the record that holds and publishes it once more. A reader looks at `closed` before `written`.
   What the worker gives is drawn, so that a redo does not repeat it. A control block is its worker's alone, so it
   is local here, and outlives a death because nothing at `born` touches it.

   BUG  0 none                        6 the next record's first word is stored before the version
        1 published before commit     7 a successor while the dead still runs
        2 released before commit      8 the version before its record
        3 state in place              9 only what moved in this step is in the record
        4 no publishing again        10 a successor takes the spare record for one version old
        5 one record                 11 `written` is looked at before `closed` */
#ifndef BUG
#define BUG 0
#endif
#ifndef ITEMS
#define ITEMS 3
#endif
/* How often each is killed. */
#ifndef SOURCE
#define SOURCE 1
#endif
#ifndef WORKER
#define WORKER 1
#endif
#ifndef SINK
#define SINK 1
#endif
#define CAP 2

/* The rings, published: a from source to worker, b from worker to sink. */
byte a_written, a_released, b_written, b_released;
bool a_closed, b_closed;
byte a_slot[CAP];
byte b_slot[CAP];

/* What the worker has committed to have drawn: an item's bit in its item's place. */
byte drawn;

#define MAY_DIE if :: skip :: lives > 0 -> lives--; goto born fi
/* Of a version the parity alone decides. */
#define SPARE (1 - v)
#define HOLDS v

proctype Source(byte lives) {
  byte version, rec_at[2], v, at, n;
  bool rec_done[2], done;
born: skip;
  d_step { n = 0; v = version; at = rec_at[HOLDS]; done = rec_done[HOLDS] };
  MAY_DIE; a_written = at;
  if :: done -> MAY_DIE; a_closed = true :: else fi;
  do
  :: done -> break
  :: !done && (at - a_released < CAP || at == ITEMS) ->
     do
     :: n < 2 && at + n < ITEMS && at + n - a_released < CAP ->
        MAY_DIE; a_slot[(at + n) % CAP] = at + n + 1; n++
     :: n > 0 || at == ITEMS -> break
     od;
     /* The end comes with the last items, or in a step of its own. */
     if :: at + n == ITEMS -> done = true :: n > 0 -> skip fi;
     MAY_DIE; rec_at[SPARE] = at + n;
     MAY_DIE; rec_done[SPARE] = done;
     MAY_DIE; version = SPARE;
     d_step { v = SPARE; at = at + n; n = 0 };
     MAY_DIE; a_written = at;
     if :: done -> MAY_DIE; a_closed = true :: else fi
  od
}

proctype Worker(byte lives) {
  byte version, rec_read[2], rec_written[2], state[2], v, read, written, n, seen, now, draw;
  bool rec_done[2], done, closed;
#if BUG == 9 || BUG == 10 || defined(ASIDE)
  /* A second agent, which moves in some steps only; what it committed, for the assertion. */
  byte rec_aside[2], aside, committed;
  bool moved, moved_before;
#endif
born: skip;
  d_step {
    n = 0; v = version; seen = 0; closed = false; draw = 0; now = 0;
    read = rec_read[(BUG == 5 -> 0 : HOLDS)];
    written = rec_written[(BUG == 5 -> 0 : HOLDS)];
    done = rec_done[(BUG == 5 -> 0 : HOLDS)];
#if BUG == 9 || BUG == 10 || defined(ASIDE)
    aside = rec_aside[HOLDS]; moved = false; moved_before = (BUG != 10);
    assert(aside == committed)
#endif
  };
#if BUG != 4
  MAY_DIE; b_written = written;
  if :: done -> MAY_DIE; b_closed = true :: else fi;
  MAY_DIE; a_released = read;
#endif
  do
  :: done -> break
  :: !done ->
#if BUG == 11
     seen = a_written; closed = a_closed;
#else
     closed = a_closed; seen = a_written;
#endif
     if
     :: read < seen && written - b_released < CAP
     :: read == seen && closed
     /* Nothing to do: it sleeps until there is. */
     :: else -> seen = 0; closed = false;
        (read < a_written && written - b_released < CAP) || (read == a_written && a_closed);
        goto look
     fi;
     now = state[(BUG == 3 -> 0 : HOLDS)];
     do
     :: n < 2 && read + n < seen && written + n - b_released < CAP ->
        assert(a_slot[(read + n) % CAP] == read + n + 1);
        if :: draw = 0 :: draw = 1 fi;
        now = now | (draw << (written + n));
        MAY_DIE; b_slot[(written + n) % CAP] = 2 * (read + n + 1) + draw;
        n++; draw = 0;
#if BUG == 3
        state[0] = now
#endif
     :: n > 0 || read == seen -> break
     od;
     if :: closed && read + n == seen -> done = true :: else fi;
#if BUG == 9 || BUG == 10 || defined(ASIDE)
     if :: aside < 2 -> aside++; moved = true :: moved = false fi;
#endif
#if BUG == 1
     MAY_DIE; b_written = written + n;
#endif
#if BUG == 2
     MAY_DIE; a_released = read + n;
#endif
#if BUG == 8
     MAY_DIE; version = SPARE;
#endif
#if BUG != 3
     MAY_DIE; state[SPARE] = now;
#endif
     MAY_DIE; rec_read[(BUG == 5 -> 0 : SPARE)] = read + n;
     MAY_DIE; rec_written[(BUG == 5 -> 0 : SPARE)] = written + n;
     MAY_DIE; rec_done[(BUG == 5 -> 0 : SPARE)] = done;
#if BUG == 9 || BUG == 10 || defined(ASIDE)
     if :: moved || (moved_before && BUG != 9) -> MAY_DIE; rec_aside[SPARE] = aside :: else fi;
#endif
#if BUG == 6
     MAY_DIE; rec_read[HOLDS] = read + n + 1;
#endif
     MAY_DIE; atomic { version = SPARE; drawn = now };
     d_step {
#if BUG == 9 || BUG == 10 || defined(ASIDE)
       committed = aside; moved_before = moved; moved = false;
       assert(rec_aside[SPARE] == committed);
#endif
       v = SPARE; read = read + n; written = written + n; n = 0; seen = 0; closed = false; now = 0
     };
     MAY_DIE; b_written = written;
     if :: done -> MAY_DIE; b_closed = true :: else fi;
     MAY_DIE; a_released = read;
look: skip
  od;
  assert(state[(BUG == 3 -> 0 : HOLDS)] == drawn)
}

proctype Sink(byte lives) {
  byte version, rec_read[2], state[2], v, read, n, seen, now;
  bool rec_done[2], done, closed;
born: skip;
  d_step { n = 0; v = version; read = rec_read[HOLDS]; done = rec_done[HOLDS]; seen = 0; closed = false; now = 0 };
  MAY_DIE; b_released = read;
  do
  :: done -> break
  :: !done ->
     closed = b_closed; seen = b_written;
     if
     :: read < seen || closed
     :: else -> seen = 0; read < b_written || b_closed; goto look
     fi;
     now = state[HOLDS];
     do
     :: n < 2 && read + n < seen ->
        assert(b_slot[(read + n) % CAP] / 2 == read + n + 1);
        now = now | ((b_slot[(read + n) % CAP] & 1) << (read + n));
        n++
     :: n > 0 || read == seen -> break
     od;
     if :: closed && read + n == seen -> done = true :: else fi;
     MAY_DIE; state[SPARE] = now;
     MAY_DIE; rec_read[SPARE] = read + n;
     MAY_DIE; rec_done[SPARE] = done;
     MAY_DIE; version = SPARE;
     d_step { v = SPARE; read = read + n; n = 0; seen = 0; closed = false; now = 0 };
     MAY_DIE; b_released = read;
look: skip
  od;
  assert(read == ITEMS && state[HOLDS] == drawn)
}

init {
  atomic {
    run Source(SOURCE); run Worker(WORKER); run Sink(SINK);
#if BUG == 7
    run Worker(WORKER);
#endif
  }
}
