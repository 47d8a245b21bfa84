use jumpstarter::statechart;

statechart! {
    UnknownStates {
        red >> green { initial slow, fast };
        on change: red => green.fats;
        on change: gren => red;
    }
}

statechart! {
    TwoForOne {
        red >> green >> amber;
        on change: red => green;
        on change: green => amber;
        on change: red => amber;
        on reset: * => red;
        on reset: amber => red;
    }
}

statechart! {
    Unreachable {
        red >> green, amber;
        on change: red => green;
        on change: green => red;
        on change: amber => red;
    }
}

statechart! {
    SameName {
        red { initial slow, fast }, slow;
        on change: red => slow;
        on change: slow => red.fast;
    }
}

statechart! {
    NoInitial {
        red { slow, fast };
        on change: red => red.fast;
    }
}

statechart! {
    TwoInitial {
        red { initial slow, initial fast }, green, initial amber, initial blue;
        on change: * => red.fast;
    }
}

statechart! {
    OutOfOrder {
        red >> green >> amber;
        on change: red => amber;
        on change: amber => green;
    }
}

statechart! {
    NothingHappens { red; }
}

statechart! {
    NeverAlone {
        red { initial slow, fast };
        on change: red.self => red.fast;
    }
}

statechart! {
    SameRegion {
        red >> green;
        on change: * => green;
        region green { a >> b; on go: a => b; }
        region other { a >> b; on go: a => c; }
    }
}

fn main() {}
