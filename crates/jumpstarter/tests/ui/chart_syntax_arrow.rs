use jumpstarter::statechart;

statechart! {
    Light {
        red -> green;
    }
}

fn main() {}
