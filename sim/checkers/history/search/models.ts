/** The models that the command knows by name. */

import { fairLockModel } from './fair-lock.ts';
import { keyValueModel } from './keyValue.ts';
import { lockModel, mutexModel } from './lock.ts';
import type { AnyModel } from './model.ts';
import type { Plain } from './operation.ts';
import { queueModel } from './queue.ts';
import { casRegisterModel, registerModel } from './register.ts';
import { znodeModel } from './znode.ts';

export const MODEL_NAMES = ['register', 'cas-register', 'kv', 'queue', 'lock', 'mutex', 'fair-lock', 'znode'] as const;
export type ModelName = (typeof MODEL_NAMES)[number];

export interface ModelSettings {
  /** What registers hold before they are written. */
  readonly initial?: Plain;
}

export function modelOf(name: ModelName, { initial = null }: ModelSettings = {}): AnyModel {
  switch (name) {
    case 'register':
      return registerModel(initial);
    case 'cas-register':
      return casRegisterModel(initial);
    case 'kv':
      return keyValueModel();
    case 'queue':
      return queueModel();
    case 'lock':
      return lockModel();
    case 'mutex':
      return mutexModel();
    case 'fair-lock':
      return fairLockModel();
    case 'znode':
      return znodeModel();
    default:
      return name satisfies never;
  }
}
