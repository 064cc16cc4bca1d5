mod gradient;
mod room;
