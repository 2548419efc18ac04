from random import Random
import os, time, collections, traceback
import pytest
from tests.crashes import journeys, housework
from tests.crashes.campaign import Play, Item

@pytest.mark.parametrize("name", os.environ.get("SC","hold_first").split(","))
def test_it(stage, name):
    try:
        go(stage, name)
    except BaseException:
        print("FAILED", name, traceback.format_exc()[-1800:], flush=True)
        raise

def go(stage, name):
    t=time.time(); stage.clear(); play = Play(stage, name, journeys.SCENES[name]); play.rehearse()
    print("\nrehearsed", name, time.time()-t, {n: (len(a.points), len(a.after)) for n,a in play.acts.items()}, flush=True)
    items=list(play.singles(Random(1)))
    items=Random(int(os.environ.get("SEED","2"))).sample(items, min(len(items), int(os.environ.get("N","60"))))
    if os.environ.get("KEY"): items=[Item.read(os.environ["KEY"])]
    t=time.time(); fired=0; c0=time.process_time(); bad=0
    for item in items:
        r=play.run(item); fired+=len(r.fired)
        if r.problems:
            bad+=1
            print(item.key, r.rounds, r.seconds, *r.problems[:(None if os.environ.get("KEY") else -1)], sep="\n   ", flush=True)
    print(len(items), "items", time.time()-t, "cpu", time.process_time()-c0, "fired", fired, "bad", bad, flush=True)
