// The stacked areas, drawn by uPlot. Knows no server: layers, marks and a view in, a brushed window out.
import uPlot from 'uplot';
import { iso } from './words.js';

export const left = 44, right = 10;  // of the plot within its box: what lies over the chart lines up with it

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Each layer has a colour and a hatch of its own: told apart without colours, and in grey on paper.
const hatches = [
  null,
  (c, s) => { c.moveTo(0, s); c.lineTo(s, 0); },
  (c, s) => { c.moveTo(s / 2 - 0.8, s / 2); c.lineTo(s / 2 + 0.8, s / 2); },
  (c, s) => { c.moveTo(0, 0); c.lineTo(s, s); },
  (c, s) => { c.moveTo(0, s / 2); c.lineTo(s, s / 2); },
  (c, s) => { c.moveTo(s / 2, 0); c.lineTo(s / 2, s); },
  (c, s) => { c.moveTo(0, 0); c.lineTo(s, s); c.moveTo(0, s); c.lineTo(s, 0); },
  (c, s) => { c.moveTo(0, s / 2); c.lineTo(s, s / 2); c.moveTo(s / 2, 0); c.lineTo(s / 2, s); },
];
const tiles = new Map();
function tile(slot) {
  const key = slot + css('--s0');
  if (!tiles.has(key)) {
    const size = 8;
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = size;
    const c = canvas.getContext('2d');
    c.fillStyle = css(`--s${slot}`);
    c.fillRect(0, 0, size, size);
    if (hatches[slot]) {
      c.strokeStyle = css('--hatch');
      c.lineWidth = slot === 2 ? 2 : 1.1;
      c.beginPath();
      hatches[slot](c, size);
      c.stroke();
    }
    tiles.set(key, canvas);
  }
  return tiles.get(key);
}
export const swatch = (slot) => (element) => { if (element) element.style.backgroundImage = `url(${tile(slot).toDataURL()})`; };

const times = (span) => (u, splits) => {
  const days = span() > 3600;
  return splits.map((at) => { const t = iso(at); return days && at % 86400 === 0 ? t.slice(5, 10) : at % 60 ? t.slice(11, 19) : t.slice(11, 16); });
};

export class Chart {
  constructor(box, { brushed, hovered }) {
    Object.assign(this, { box, brushed, hovered, plot: null, sign: '', model: null });
    this.watch = new ResizeObserver(() => { if (this.plot && box.clientWidth !== this.plot.width) this.plot.setSize(this.size()); this.select(); });
    this.watch.observe(box);
  }
  size() { return { width: this.box.clientWidth, height: this.box.clientHeight }; }

  draw(model) {
    this.model = model;
    const sign = model.layers.join() + css('--s0');
    if (sign === this.sign) this.plot.setData(model.data);
    else {
      this.sign = sign;
      this.plot?.destroy();
      this.plot = new uPlot(this.options(model), model.data, this.box);
    }
    this.select();
  }

  // The window stays where it was brushed, whoever moved it.
  select() {
    if (!this.plot || !this.model) return;
    const { from, until } = this.model.window ?? {};
    const u = this.plot;
    const x = (at) => u.valToPos(at, 'x');
    u.setSelect(from === undefined ? { left: 0, width: 0, top: 0, height: 0 } : { left: x(from), width: x(until) - x(from), top: 0, height: u.over.clientHeight }, false);
  }

  options({ layers }) {
    const quiet = { stroke: css('--dim'), font: '12px system-ui, sans-serif', ticks: { show: false }, grid: { stroke: css('--line'), width: 1 } };
    return {
      ...this.size(), padding: [10, right, 0, 0], legend: { show: false }, tzDate: (at) => uPlot.tzDate(new Date(at * 1000), 'UTC'),
      scales: { x: { time: true, range: () => [this.model.view.from, this.model.view.until] }, y: { range: () => [0, this.model.top] } },
      axes: [{ ...quiet, space: 70, grid: { show: false }, values: times(() => this.model.view.until - this.model.view.from), size: 26 },
        { ...quiet, size: left, space: 32, values: (u, all) => all.map((v) => (Number.isInteger(v) ? String(v) : v.toFixed(1))) }],
      series: [{}, ...layers.map((slot) => ({ points: { show: false }, width: 0, fill: (u) => u.ctx.createPattern(tile(slot), 'repeat') }))],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false, dist: 4 }, bind: { dblclick: () => null } },
      select: { show: true },
      hooks: {
        setCursor: [(u) => this.hovered(u.cursor.idx ?? null)],
        setSelect: [(u) => { if (u.select.width > 2) this.brushed(u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')); }],
        draw: [(u) => this.line(u)],
      },
    };
  }

  // As much work as there are cores: above it, sessions wait for a CPU.
  line(u) {
    const { vcpus } = this.model;
    if (!(vcpus > 0)) return;
    const y = Math.round(u.valToPos(vcpus, 'y', true));
    const { left: x, width } = u.bbox;
    const c = u.ctx, ratio = devicePixelRatio;
    c.save();
    c.lineWidth = 4 * ratio; c.strokeStyle = css('--card');
    c.beginPath(); c.moveTo(x, y); c.lineTo(x + width, y); c.stroke();
    c.setLineDash([7 * ratio, 4 * ratio]);
    c.lineWidth = 2 * ratio; c.strokeStyle = css('--ink');
    c.beginPath(); c.moveTo(x, y); c.lineTo(x + width, y); c.stroke();
    c.setLineDash([]);
    c.font = `600 ${12 * ratio}px system-ui, sans-serif`;
    const text = `${vcpus} vCPUs`;
    const room = c.measureText(text).width + 10 * ratio;
    const top = y - 20 * ratio > u.bbox.top ? y - 19 * ratio : y + 3 * ratio;
    c.fillStyle = css('--card'); c.fillRect(x + 6 * ratio, top, room, 16 * ratio);
    c.fillStyle = css('--ink'); c.textBaseline = 'top'; c.textAlign = 'left'; c.fillText(text, x + 11 * ratio, top + 2 * ratio);
    c.restore();
  }

  end() { this.watch.disconnect(); this.plot?.destroy(); }
}
