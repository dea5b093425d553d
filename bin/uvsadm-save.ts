#!/usr/bin/env node
import { uvsadmSave } from '../src/admin/main.js';

await uvsadmSave();
