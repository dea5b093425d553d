/** All kinds of input by name. */
import type { Target } from './target.js';
import { CaptureTarget } from './targets/captures.js';
import { ConfigTarget } from './targets/config.js';
import { FrameTarget } from './targets/frames.js';
import { RequestTarget } from './targets/requests.js';
import { RulesTarget } from './targets/rules.js';
import { ScenarioTarget } from './targets/scenarios.js';
import { StateTarget } from './targets/state.js';

export const KINDS: Readonly<Record<string, new () => Target>> = {
  frames: FrameTarget,
  requests: RequestTarget,
  rules: RulesTarget,
  state: StateTarget,
  scenarios: ScenarioTarget,
  captures: CaptureTarget,
  config: ConfigTarget,
};

export const KIND_NAMES = Object.keys(KINDS);
