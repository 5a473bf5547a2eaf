// Steps through the layers until the last one, or until it is stopped.

const STEP = 1200;

// next() moves on and says whether more is to come; onChange(playing) is told of start and stop.
export function createPlayer({ next, onChange }) {
  let timer = null;
  const player = {
    fresh: false, // the first step after a start
    stop() {
      if (timer === null) return;
      clearInterval(timer);
      timer = null;
      onChange(false);
    },
    toggle() {
      if (timer !== null) return player.stop();
      timer = setInterval(step, STEP);
      onChange(true);
      player.fresh = true;
      step();
      player.fresh = false;
    },
  };
  function step() {
    if (!next()) player.stop();
  }
  onChange(false);
  return player;
}
