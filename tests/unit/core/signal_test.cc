// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "host/simulated/sim_task.h"
#include "probe.h"

namespace utrace {
namespace {

using core::TaskState;
using sim::SimTask;
using test::Log;
using test::Probe;
using test::Told;

constexpr EventSet kQuiesce{Event::kQuiesce};
constexpr EventSet kSignals{Event::kSignal, Event::kSignalIgn, Event::kSignalTerm};

Probe::Handler verdict(SignalVerdict v, Resume resume = Resume::kResume) {
    return [=](const Told&) { return Action(resume, v); };
}
void finish(SimTask& t, std::initializer_list<Probe*> probes) {
    t.death();
    t.reap();
    for (Probe* probe : probes) core::put(**probe);
}

TEST(Signal, U48_TheVerdictIsAChain) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kSignals);
    f.attach(t, kSignals);
    e.on(Event::kSignal, verdict(SignalVerdict::kIgn));
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(t.signals.back(), SignalVerdict::kIgn);  // F was polite
    f.on(Event::kSignal, [](const Told& told) {
        EXPECT_EQ(told.action().signal(), SignalVerdict::kIgn);
        return told.pass().with(SignalVerdict::kDeliver);
    });
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(t.delivered, std::vector<int>{10});
    EXPECT_EQ(log, (Log{"E:signal", "F:signal", "E:signal", "F:signal"}));  // from the kernel side
    finish(t, {&e, &f});
}

TEST(Signal, U49_EditedNumberAndImpossibleNumber) {
    SimTask t;
    Log log;
    Probe e("E", log);
    int number = 12;
    e.attach(t, kSignals);
    e.on(Event::kSignal, [&](const Told& told) {
        told.signal->signo = number;
        return told.pass();
    });
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    number = 200;
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(t.delivered, (std::vector<int>{12, 5}));
    EXPECT_EQ(t.core().bad_signals(), 1u);
    finish(t, {&e});
}

TEST(Signal, NobodyInterestedIsTheHostsNormalPath) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kQuiesce, Event::kSignal});
    t.signal(Event::kSignalStop, 20, SignalVerdict::kTstp);
    EXPECT_TRUE(log.empty());
    EXPECT_EQ(t.signals.back(), SignalVerdict::kTstp);
    finish(t, {&e});
}

TEST(Signal, QuiesceEnginesAreCalledWithReportSignalWherePresent) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log), q("Q", log);
    q.ops.report_signal = nullptr;
    e.attach(t, kSignals);
    f.attach(t, kQuiesce);
    q.attach(t, kQuiesce);
    e.on(Event::kSignal, verdict(SignalVerdict::kTerm));
    std::uint64_t mask = 0;
    q.on(Event::kQuiesce, [&](const Told& told) {
        mask = told.mask;
        return Action(Resume::kResume, SignalVerdict::kIgn);  // no verdict from here
    });
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(log, (Log{"E:signal", "F:signal", "Q:quiesce"}));
    EXPECT_EQ(t.signals.back(), SignalVerdict::kTerm);
    EXPECT_EQ(mask, bit(Event::kSignal));
    finish(t, {&e, &f, &q});
}

TEST(Signal, HoldTravelsWithTheChain) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, kSignals);
    f.attach(t, kSignals);
    e.on(Event::kSignal,
         [](const Told& told) { return Action::from_bits(told.pass().bits() | kHold); });
    utrace_signal signal{};
    signal.size = sizeof signal;
    signal.signo = 10;
    core::PassResult r = core::report_signal(t, Event::kSignal, signal, SignalVerdict::kDeliver);
    EXPECT_TRUE(r.hold);
    EXPECT_EQ(r.signal, SignalVerdict::kDeliver);
    f.on(Event::kSignal, [](const Told& told) {
        EXPECT_TRUE(told.action().has(kHold));
        return Action::from_bits(told.pass().bits() & ~kHold);
    });
    r = core::report_signal(t, Event::kSignal, signal, SignalVerdict::kDeliver);
    EXPECT_FALSE(r.hold);
    finish(t, {&e, &f});
}

TEST(Signal, U50_StepOnDeliveryForcesTheHandlerReport) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kQuiesce, Event::kSignal});
    e.on(Event::kSignal, [](const Told& told) {
        const bool handler = told.action().signal() == SignalVerdict::kHandler;
        return told.action().with(handler ? Resume::kResume : Resume::kSingleStep);
    });
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(log, (Log{"E:signal", "E:handler"}));
    EXPECT_EQ(t.delivered, std::vector<int>{10});
    EXPECT_EQ(t.mode(), Resume::kResume);  // the last pass decides
    finish(t, {&e});
}

TEST(Signal, StepOfAnEngineWithoutQuiesceIsNotLost) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kSignal});
    e.on(Event::kSignal, verdict(SignalVerdict::kDeliver, Resume::kSingleStep));
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(log, (Log{"E:signal"}));
    EXPECT_EQ(t.mode(), Resume::kSingleStep);
    finish(t, {&e});
}

TEST(Signal, U51_StopWithIgnStopsInPlaceAndTheSignalCanComeBack) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kQuiesce, Event::kSignal});
    e.on(Event::kSignal, [](const Told& told) {
        if (told.action().signal() != SignalVerdict::kReport)
            return Action(Resume::kStop, SignalVerdict::kIgn);
        told.signal->signo = 10;  // injects what it kept
        return Action(Resume::kResume, SignalVerdict::kDeliver);
    });
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    ASSERT_TRUE(t.parked());
    EXPECT_EQ(core::control(*e, Resume::kInterrupt), 0);
    t.go_on();
    EXPECT_EQ(log, (Log{"E:signal", "E:pre-signal"}));
    EXPECT_EQ(t.delivered, std::vector<int>{10});
    finish(t, {&e});
}

TEST(Signal, U53_AlwaysInterruptDoesNotLoop) {
    SimTask t;
    Log log;
    Probe e("E", log), f("F", log);
    e.attach(t, {Event::kQuiesce, Event::kSignal});
    f.attach(t, {Event::kQuiesce, Event::kSignal});
    for (Probe* p : {&e, &f}) p->on(Event::kSignal, Resume::kInterrupt);
    t.signal(Event::kSignalIgn, 10, SignalVerdict::kIgn);  // nobody asked for this one
    EXPECT_TRUE(log.empty());
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(log, (Log{"E:signal", "F:signal", "E:handler", "F:handler"}));
    log.clear();
    t.signal(Event::kSignal, 10, SignalVerdict::kIgn);  // heard again for the next signal
    EXPECT_EQ(log, (Log{"E:signal", "F:signal", "E:pre-signal", "F:pre-signal"}));
    finish(t, {&e, &f});
}

TEST(Signal, StopOnDeliveryIsDeferredToTheHandlerReport) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, {Event::kSignal});
    e.on(Event::kSignal, Resume::kStop);
    t.signal(Event::kSignal, 10, SignalVerdict::kDeliver);
    EXPECT_EQ(t.delivered, std::vector<int>{10});
    EXPECT_TRUE(t.parked());
    EXPECT_EQ(core::control(*e, Resume::kResume), 0);
    t.go_on();
    EXPECT_FALSE(t.parked());
    finish(t, {&e});
}

TEST(Signal, KInterruptForcesThePreSignalReport) {
    SimTask t;
    Log log;
    Probe e("E", log);
    e.attach(t, kQuiesce);
    EXPECT_EQ(core::control(*e, Resume::kInterrupt), 0);
    t.start();
    EXPECT_EQ(log, (Log{"E:pre-signal"}));
    finish(t, {&e});
}

}  // namespace
}  // namespace utrace
