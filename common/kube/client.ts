import { once } from "node:events";
import { Agent, request as httpsRequest } from "node:https";
import type { IncomingMessage } from "node:http";
import type { RequestOptions } from "node:https";
import { createInterface } from "node:readline";
import { KubeConfig } from "@kubernetes/client-node";
import { messageOf, SchedgateError } from "../errors.ts";
import { KubeApiError } from "./port.ts";
import type { KubeApi, KubeRequest, PatchType, WatchEvent, WatchRequest } from "./port.ts";
