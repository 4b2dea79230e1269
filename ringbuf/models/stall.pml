/* The stall: two workers in a circle, each the other's reader, and a coordinator that says "nothing will ever move
   any more" when it is so, and never when it is not. Each worker is killed between any two stores.

   As in worker/duty.rs and engine/supervise.rs: a worker looks, takes a step or counts a sleep and sleeps. The
   coordinator notes the versions; while they stay the same it waits until every worker has slept since, and then
   until every worker has slept once more. One round is not enough, however many sleeps it asks for: a worker may
   stand between its commit and its publishing while the other looks in vain. After the first round all that was
   committed is published; after the second everybody has looked at it.

   BUG  0 none                        2 a successor publishes nothing again
        1 versions are not compared   3 one round, of three sleeps */
#ifndef BUG
#define BUG 0
#endif
#ifndef HOPS
#define HOPS 3
#endif
#ifndef KILLS
#define KILLS 1
#endif
#if BUG == 3
#define ROUNDS 1
#define LOOKS 3
#else
#define ROUNDS 2
#define LOOKS 1
#endif

/* Published, and committed: how many tokens each worker has given the other. A worker gives one for each that it
   takes, until HOPS are given in all; the first is there from the start. */
byte given[2];
byte committed[2], taken[2];
byte version[2];
/* Sleeps since the coordinator's last note, counted as far as it asks for. */
byte sleeps[2];
bool stalled;

#define MAY_DIE if :: skip :: lives > 0 -> lives--; goto born fi

proctype Worker(bit me; byte lives) {
  bool work;
born: work = false;
#if BUG != 2
  MAY_DIE; given[me] = committed[me];
#endif
  do
  :: true ->
     work = (taken[me] < given[1 - me]);
     if
     :: work ->
        /* The commit in one piece: crash.pml looks at how. */
        MAY_DIE;
        atomic {
          assert(!stalled);
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
endless: sleeps[me] < LOOKS || taken[me] < given[1 - me]
     fi;
     work = false
  od
}

proctype Coordinator() {
  byte versions[2], rounds;
note:
  rounds = 0;
  versions[0] = version[0]; versions[1] = version[1];
  do
  :: rounds < ROUNDS ->
     sleeps[0] = 0; sleeps[1] = 0;
     /* At every look it compares first. */
     do
     :: BUG != 1 && (version[0] != versions[0] || version[1] != versions[1]) -> goto note
     :: sleeps[0] == LOOKS && sleeps[1] == LOOKS -> break
     od;
     if
     :: BUG == 1 || (version[0] == versions[0] && version[1] == versions[1]) -> rounds++
     :: else -> goto note
     fi
  :: else -> break
  od;
  atomic {
    stalled = true;
    assert(taken[0] == committed[1] && taken[1] == committed[0])
  }
}

init { atomic { given[0] = 1; committed[0] = 1; run Worker(0, KILLS); run Worker(1, KILLS); run Coordinator() } }
