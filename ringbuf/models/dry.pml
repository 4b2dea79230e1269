/* Loops that run dry: two workers in a circle, each with a delay whose end lets the other give one item more (a last
   window). The coordinator finds that nothing moves any more, as in stall.pml, and that every token has been taken; it
   raises the word, and each delay ends when it sees it. Each worker is killed between any two stores.

   As in worker/subgraph.rs: a worker looks how far the other has published, then at the word, then takes and gives, or
   ends. Both end, and neither delay takes what the other one's end brought forth: it does not depend on who looks first.

   BUG  0 none                                      2 the word is forgotten when the coordinator is replaced
        1 the word is looked at before the input */
#ifndef BUG
#define BUG 0
#endif
#ifndef HOPS
#define HOPS 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
/* Sleeps a round: the look before the first may have been in the round before. */
#define LOOKS 2

/* Tokens: published, committed and taken; who is done, published and committed. */
byte given[2], committed[2], taken[2];
bool closed[2], done[2];
byte version[2], sleeps[2];
bool dry;

#define MAY_DIE if :: skip :: lives > 0 -> lives--; goto born fi

proctype Worker(bit me; byte lives) {
  byte seen, wakes = 1;
  bool word;
born:
  word = false;
  MAY_DIE; given[me] = committed[me];
  MAY_DIE; closed[me] = done[me];
  do
  :: done[me] -> break
  :: else ->
#if BUG == 1
     word = dry;
     seen = given[1 - me];
#else
     seen = given[1 - me];
     word = dry;
#endif
     if
     :: word ->
        /* The end, and what it lets the loop give. */
        MAY_DIE;
        atomic { done[me] = true; committed[me] = committed[me] + 1; version[me] = version[me] + 1 };
        MAY_DIE; given[me] = committed[me];
        MAY_DIE; closed[me] = true
     :: !word && taken[me] < seen ->
        MAY_DIE;
        atomic {
          assert(!dry);
          taken[me] = taken[me] + 1;
          if
          :: committed[0] + committed[1] < HOPS -> committed[me] = committed[me] + 1
          :: else
          fi;
          version[me] = version[me] + 1
        };
        MAY_DIE; given[me] = committed[me]
     :: else ->
        MAY_DIE; if :: sleeps[me] < LOOKS -> sleeps[me] = sleeps[me] + 1 :: else fi;
        /* It also wakes by itself: once is enough to look between the coordinator's last note and its word. */
        if
        :: sleeps[me] < LOOKS || taken[me] < given[1 - me] || dry
        :: wakes > 0 -> wakes--
        fi
     fi;
     seen = 0; word = false
  od
}

proctype Coordinator() {
  byte versions[2], rounds;
note:
  rounds = 0;
  versions[0] = version[0]; versions[1] = version[1];
  do
  :: rounds < 2 ->
     sleeps[0] = 0; sleeps[1] = 0;
     do
     :: version[0] != versions[0] || version[1] != versions[1] -> goto note
     :: sleeps[0] == LOOKS && sleeps[1] == LOOKS -> break
     od;
     if
     :: version[0] == versions[0] && version[1] == versions[1] -> rounds++
     :: else -> goto note
     fi
  :: else -> break
  od;
  atomic {
    assert(taken[0] == committed[1] && taken[1] == committed[0]);
    dry = true
  };
#if BUG == 2
  /* A resumed run clears it, and nobody raises it again. */
  dry = false;
#endif
  closed[0] && closed[1];
  assert(taken[0] + taken[1] == HOPS)
}

init { atomic { given[0] = 1; committed[0] = 1; run Worker(0, KILLS); run Worker(1, KILLS); run Coordinator() } }
