/** Small charts of the last minutes, drawn by uPlot. */
import type uPlotType from 'uplot';
import { short } from './numbers.js';

/** uPlot's own script has put it there. */
declare const uPlot: typeof uPlotType;

export interface Series {
  label: string;
  /** Name of a custom property of the page's style sheet. */
  colour: string;
}

export interface ChartOptions {
  title: string;
  unit: string;
  series: readonly Series[];
}

/** Points that are kept: five minutes of seconds. */
const POINTS_MAX = 300;
const HEIGHT = 140;
const AXIS_WIDTH = 48;
const AXIS_HEIGHT = 26;
/** Between two times on the axis, in pixels. */
const TIMES_APART = 90;
/** Above, to the right, below and to the left, in pixels: half of the last time is beside the plot. */
const PADDING = [8, 28, 0, 0] as const;
const FONT = '12px system-ui, sans-serif';

export class Chart {
  private readonly figure = document.createElement('figure');
  private readonly caption = document.createElement('figcaption');
  private readonly place = document.createElement('div');
  private readonly times: number[] = [];
  private readonly values: (number | null)[][];
  private plot: uPlotType | null = null;

  constructor(
    parent: HTMLElement,
    private readonly options: ChartOptions,
  ) {
    this.values = options.series.map(() => []);
    this.place.setAttribute('role', 'img');
    this.place.setAttribute('aria-label', `${options.title}: no figures yet`);
    this.figure.append(this.caption, this.place);
    parent.append(this.figure);
    this.writeCaption([]);
    new ResizeObserver(() => this.fit()).observe(this.figure);
    // Colours are read from the style sheet when the chart is made.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    this.draw();
  }

  /** Adds a point; null where a figure isn't known. */
  add(timeMs: number, values: readonly (number | null)[]): void {
    this.times.push(timeMs / 1000);
    for (const [i, value] of values.entries()) this.values[i].push(value);
    if (this.times.length > POINTS_MAX) {
      this.times.shift();
      for (const series of this.values) series.shift();
    }
    this.plot?.setData(this.data());
    this.writeCaption(values);
  }

  /** What a chart says to those who don't see it. */
  private writeCaption(values: readonly (number | null)[]): void {
    const { title, unit, series } = this.options;
    const parts = series.map(({ label, colour }, i) => {
      const part = document.createElement('span');
      const mark = document.createElement('i');
      mark.style.background = `var(${colour})`;
      const figure = values[i] === null || values[i] === undefined ? '-' : short(values[i]);
      part.append(mark, `${label} ${figure}`);
      return part;
    });
    const heading = document.createElement('strong');
    heading.textContent = `${title}, ${unit}`;
    this.caption.replaceChildren(heading, ...parts);
    this.place.setAttribute('aria-label', `Chart of ${this.caption.textContent ?? ''}`);
  }

  private draw(): void {
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: colour('--faint'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: FONT,
    };
    this.plot?.destroy();
    this.plot = new uPlot(
      {
        width: this.width(),
        height: HEIGHT,
        padding: [...PADDING],
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
        axes: [
          {
            ...axis,
            size: AXIS_HEIGHT,
            space: TIMES_APART,
            values: (_plot, ticks) => ticks.map(timeText),
          },
          { ...axis, size: AXIS_WIDTH, values: (_plot, ticks) => ticks.map(short) },
        ],
        series: [
          {},
          ...this.options.series.map((series) => ({
            label: series.label,
            stroke: colour(series.colour),
            width: 1.5,
            points: { show: false },
          })),
        ],
      },
      this.data(),
      this.place,
    );
  }

  private fit(): void {
    if (this.plot !== null && this.plot.width !== this.width()) {
      this.plot.setSize({ width: this.width(), height: HEIGHT });
    }
  }

  private width(): number {
    return Math.max(100, Math.floor(this.figure.clientWidth));
  }

  private data(): uPlotType.AlignedData {
    return [this.times, ...this.values];
  }
}

/** "16:40:12" */
function timeText(seconds: number): string {
  return new Date(seconds * 1000).toTimeString().slice(0, 8);
}
