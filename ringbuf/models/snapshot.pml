/* The cut: two workers joined by a ring of two slots, called to rest between two steps while a coordinator copies
   their records and what is in the ring, twice. Each is killed between any two stores, at rest as well.

   As in worker/rest.rs and worker/duty.rs: the coordinator counts a word up, odd while it calls. Between two steps
   a worker that sees it odd says which call it rests for, and waits for the word to move on. One that is dead is at
   rest, and stays down until the copy is made. A cut is right if nothing was received in it that was not sent,
   and the ring has, of what was sent and not received, what was committed.

   BUG  0 none                                         2 a worker goes on when it has said that it rests
        1 published positions are copied, not records   3 a worker says that it rests, not for which call */
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
#ifndef SINK
#define SINK 1
#endif
#ifndef CUTS
#define CUTS 2
#endif
#define CAP 2

byte written, released;      /* published */
byte slot[CAP];
byte a_written[2], b_read[2]; /* records */
bit a_version, b_version;
byte drawn;                  /* what was committed to have been drawn: an item's bit in its item's place */

byte rest;
byte resting[2];
bool gone[2];
bool down;

#define MAY_DIE if :: skip :: lives > 0 -> lives--; goto dead fi
#if BUG == 3
#define CALL 1
#else
#define CALL rest
#endif
#if BUG == 2
#define WAIT(call) skip
#else
#define WAIT(call) if :: rest != call :: lives > 0 -> lives--; goto dead fi; goto look
#endif
#define STAND_STILL(me) call = rest; if :: call & 1 -> MAY_DIE; resting[me] = CALL; WAIT(call) :: else fi

proctype Source(byte lives) {
  byte at, n, now, call;
  bit v, draw;
  goto born;
dead: gone[0] = true; !down;
born: skip;
  d_step { gone[0] = false; v = a_version; at = a_written[v]; n = 0; now = drawn; draw = 0 };
  MAY_DIE; written = at;
  do
  :: at == ITEMS -> break
  :: else ->
     STAND_STILL(0);
     if :: at - released < CAP :: else -> at - released < CAP || (rest & 1); goto look fi;
     do
     :: n < 2 && at + n < ITEMS && at + n - released < CAP ->
        if :: draw = 0 :: draw = 1 fi;
        now = now | (draw << (at + n));
        MAY_DIE; slot[(at + n) % CAP] = 2 * (at + n) + draw; n++; draw = 0
     :: n > 0 -> break
     od;
     MAY_DIE; a_written[1 - v] = at + n;
     MAY_DIE; atomic { a_version = 1 - v; drawn = now };
     d_step { v = 1 - v; at = at + n; n = 0 };
     MAY_DIE; written = at;
look: skip
  od;
  gone[0] = true
}

proctype Sink(byte lives) {
  byte at, n, seen, call;
  bit v;
  goto born;
dead: gone[1] = true; !down;
born: skip;
  d_step { gone[1] = false; v = b_version; at = b_read[v]; n = 0; seen = 0 };
  MAY_DIE; released = at;
  do
  :: at == ITEMS -> break
  :: else ->
     STAND_STILL(1);
     seen = written;
     if :: at < seen :: else -> seen = 0; at < written || (rest & 1); goto look fi;
     if :: n = 1 :: seen - at > 1 -> n = 2 fi;
     assert(slot[at % CAP] / 2 == at && (slot[at % CAP] & 1) == ((drawn >> at) & 1));
     MAY_DIE; b_read[1 - v] = at + n;
     MAY_DIE; b_version = 1 - v;
     d_step { v = 1 - v; at = at + n; n = 0; seen = 0 };
     MAY_DIE; released = at;
look: skip
  od;
  gone[1] = true
}

proctype Coordinator() {
  byte cuts, sent, got, at;
  do
  :: cuts == CUTS -> break
  :: cuts < CUTS ->
     down = true;
     rest = rest + 1;
     gone[0] || resting[0] == CALL;
     gone[1] || resting[1] == CALL;
#if BUG == 1
     sent = written; got = released;
#else
     sent = a_written[a_version]; got = b_read[b_version];
#endif
     assert(got <= sent && sent - got <= CAP);
     at = got;
     do
     :: at < sent -> assert(slot[at % CAP] == 2 * at + ((drawn >> at) & 1)); at++
     :: else -> break
     od;
     /* What goes on from the cut must also have what the rings' ends have committed. */
     assert(sent == a_written[a_version] && got == b_read[b_version]);
     rest = rest + 1;
     down = false;
     d_step { cuts++; sent = 0; got = 0; at = 0 }
  od
}

init { atomic { run Source(SOURCE); run Sink(SINK); run Coordinator() } }
